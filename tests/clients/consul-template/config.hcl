# The server, its certificate and the token come from the environment.
vault {
  renew_token            = true
  default_lease_duration = "2s"

  retry {
    backoff = "50ms"
  }
}

template {
  contents    = <<EOT
{{ with secret "kv2/data/app" }}{{ .Data.data.user }}:{{ .Data.data.password }}{{ end }}
{{ with secret "kv1/app" }}{{ .Data.user }} for {{ .LeaseDuration }}{{ end }}
{{ range secrets "kv1" }}{{ . }};{{ end }}
EOT
  destination = "rendered"
}

# A write: what it answers is rendered, and kept alive.
template {
  contents    = "{{ with secret \"auth/token/create\" \"policies=default\" \"ttl=1h\" }}{{ .Auth.Accessor }}{{ end }}"
  destination = "accessor"
}
