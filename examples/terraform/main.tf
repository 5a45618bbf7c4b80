# Machines of one group that join a cluster. Any provider that takes user data will do; this is Hetzner's.
#
#   eos token create --uses 3 --expires-hours 1 > token
#   eos cloud-init render --join-cluster=10.0.1.10 --preferred-role=data --token-file token --out data.yaml
#   terraform apply

terraform {
  required_providers {
    hcloud = {
      source = "hetznercloud/hcloud"
    }
  }
}

variable "machines" {
  type    = number
  default = 3
}

resource "hcloud_server" "data" {
  count       = var.machines
  name        = "data-${count.index + 1}"
  image       = "debian-12"
  server_type = "cx32"
  user_data   = file("${path.module}/data.yaml")

  # The text holds a token, which is another one the next time; a machine that is a member needs none.
  lifecycle {
    ignore_changes = [user_data]
  }
}

# Ready means that the master confirmed the member: a machine that merely booted is not.
resource "terraform_data" "ready" {
  count            = var.machines
  triggers_replace = [hcloud_server.data[count.index].id]

  connection {
    host = hcloud_server.data[count.index].ipv4_address
  }

  provisioner "remote-exec" {
    inline = [
      "cloud-init status --wait > /dev/null || true",
      "cat /run/eos/status.json",
      "grep -q '\"state\": \"ready\"' /run/eos/status.json",
    ]
  }
}
