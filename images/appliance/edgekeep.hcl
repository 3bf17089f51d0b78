# What the appliance serves with. Files in the folder `config` of its boot partition, which any
# computer can write, are read beside it.
storage "redb" {
  path = "/data/edgekeep"
}

# No certificate named: the server makes one, and renews it.
listener "tcp" {
  address = "0.0.0.0:8200"
}

# Any stick with this label gets snapshots, whenever it is plugged in.
snapshot "stick" {
  type       = "usb"
  usb_volume = "EDGEKEEP"
  interval   = "1h"
  keep_last  = 24
  keep_daily = 30
}
