# What a container runs with, unless another folder is mounted on /etc/edgekeep.
storage "redb" {
  path = "/data"
}

# No certificate named: one is made in /data/tls, and renewed. tls_cert_file and tls_key_file name
# one of your own.
listener "tcp" {
  address = "0.0.0.0:8200"
}
