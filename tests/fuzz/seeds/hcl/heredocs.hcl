a = <<EOF
x ${y}
EOF
b = <<-E
  c
  d
  E
