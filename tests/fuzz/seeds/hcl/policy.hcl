# a comment
path "secret/data/{{identity.entity.id}}/*" {
  capabilities = ["create", "read",]
  allowed_parameters = { "a" = ["x", 1, true], "*" = [] }
  min_wrapping_ttl = "1m" max_wrapping_ttl = 90
} path "sys/+/x" { policy = "read" }
