# The image of a release: an instance of the base image, the playbook run over it, and an image of the result.
#
# `bascule bake` writes the first group of variables into a var-file; those of the second group it leaves alone
# unless bascule:image.packer.variables has them, so that the environment (PKR_VAR_ssh_host=...) can give them.
# docs/images.md tells how to replace this file. It is for Packer 1.6.6 and later, and names no plugins, because
# 1.6.6 would refuse to read that: plugins.pkr.hcl beside it is what a later Packer installs them from.

variable "region" {
  type        = string
  description = "Where the image is made."
}

variable "endpoint" {
  type        = string
  default     = ""
  description = "EC2's address where it is not AWS: the sandbox's."
}

variable "service" {
  type = string
}

variable "version" {
  type = string
}

variable "image_name" {
  type        = string
  description = "Name of the image, unique within account and region."
}

variable "base_image_name" {
  type        = string
  description = "The newest image whose name matches this pattern is the base."
}

variable "base_image_owner" {
  type        = string
  description = "Account id of who publishes it, or `amazon`, `self`."
}

variable "instance_type" {
  type    = string
  default = "t3.small"
}

variable "subnet_id" {
  type        = string
  default     = ""
  description = "Where the instance runs; empty: a subnet of the default network."
}

variable "encrypted" {
  type    = bool
  default = true
}

variable "kms_key_id" {
  type        = string
  default     = ""
  description = "Key of the image; empty: the account's own key for EBS."
}

variable "image_tags" {
  type        = map(string)
  default     = {}
  description = "Tags of the image and its snapshots."
}

variable "baking_tags" {
  type        = map(string)
  default     = {}
  description = "Tags of everything that is made on the way, and of the image until the bake takes them off."
}

variable "release_archive" {
  type        = string
  description = "Path of the release, a tar.gz."
}

variable "playbook" {
  type        = string
  description = "Path of the playbook."
}

variable "ansible_variables_file" {
  type        = string
  description = "Path of a JSON file with the playbook's variables."
}

variable "ssh_host" {
  type        = string
  default     = ""
  description = "Where the machine is reached; empty: at the instance's address."
}

variable "ssh_port" {
  type    = number
  default = 22
}

variable "ssh_username" {
  type    = string
  default = "ec2-user"
}

variable "ssh_private_key_file" {
  type        = string
  default     = ""
  description = "Empty: a key pair is made for this one build."
}

variable "ssh_keypair_name" {
  type        = string
  default     = ""
  description = "Name in EC2 of the key pair in ssh_private_key_file."
}

variable "root" {
  type        = string
  default     = ""
  description = "Folder that stands for the machine's disk; empty: the disk itself."
}

variable "become" {
  type        = bool
  default     = true
  description = "Whether the playbook becomes root."
}

# For networks of all kinds; bascule:image.packer.variables sets them.

variable "ssh_interface" {
  type        = string
  default     = ""
  description = "public_ip, private_ip or session_manager; empty: whichever the instance has."
}

variable "iam_instance_profile" {
  type        = string
  default     = ""
  description = "Profile of the instance while it is built; session_manager needs one."
}

variable "ssh_from" {
  type        = list(string)
  default     = ["0.0.0.0/0"]
  description = "Networks that may reach the instance's SSH port while it is built; who knocks needs the key as well."
}

variable "security_group_ids" {
  type        = list(string)
  default     = []
  description = "Groups of the instance while it is built; none: one is made for this build, by ssh_from."
}

variable "root_device" {
  type        = string
  default     = ""
  description = "Name of the base image's root device: with it the disk is encrypted from the start, which spares a copy."
}

variable "root_size" {
  type        = number
  default     = 0
  description = "GiB of the root device, which root_device has to name; 0: as large as that of the base."
}

variable "lifetime_minutes" {
  type        = number
  default     = 120
  description = "After this the instance ends by itself, for whoever started it may have been killed."
}

locals {
  sandboxed = var.endpoint != ""
  # Packer would encrypt a copy of the finished image; a disk that is encrypted already needs none.
  encrypt_copy = var.encrypted && var.root_device == ""
  # The image keeps the name of its base; what the bake says of it comes last and wins.
  base_tags = { "bascule:base" = "{{ .SourceAMI }} {{ .SourceAMIName }}" }
  tags      = merge(local.base_tags, var.image_tags, var.baking_tags)
}

source "amazon-ebs" "image" {
  region                     = var.region
  custom_endpoint_ec2        = var.endpoint
  skip_credential_validation = local.sandboxed
  skip_region_validation     = local.sandboxed
  skip_metadata_api_check    = local.sandboxed

  ami_name        = var.image_name
  ami_description = "${var.service} ${var.version}"
  encrypt_boot    = local.encrypt_copy
  kms_key_id      = local.encrypt_copy ? var.kms_key_id : ""
  tags            = local.tags
  snapshot_tags   = local.tags

  source_ami_filter {
    filters = {
      name                = var.base_image_name
      root-device-type    = "ebs"
      virtualization-type = "hvm"
      state               = "available"
    }
    owners      = [var.base_image_owner]
    most_recent = true
  }

  instance_type        = var.instance_type
  subnet_id            = var.subnet_id
  security_group_ids   = var.security_group_ids
  iam_instance_profile = var.iam_instance_profile
  shutdown_behavior    = "terminate"
  user_data            = local.sandboxed ? "" : "#!/bin/sh\nshutdown -h +${var.lifetime_minutes}\n"
  run_tags             = merge({ Name = "bake ${var.image_name}" }, var.baking_tags)
  run_volume_tags      = var.baking_tags

  dynamic "launch_block_device_mappings" {
    for_each = var.root_device == "" ? [] : [var.root_device]
    content {
      device_name           = launch_block_device_mappings.value
      encrypted             = var.encrypted
      kms_key_id            = var.encrypted ? var.kms_key_id : ""
      volume_size           = var.root_size
      delete_on_termination = true
    }
  }

  communicator                          = "ssh"
  ssh_interface                         = var.ssh_interface
  ssh_host                              = var.ssh_host
  ssh_port                              = var.ssh_port
  ssh_username                          = var.ssh_username
  ssh_private_key_file                  = var.ssh_private_key_file
  ssh_keypair_name                      = var.ssh_keypair_name
  temporary_security_group_source_cidrs = length(var.security_group_ids) > 0 ? [] : var.ssh_from
  ssh_timeout                           = "10m"
  # Packer 1.6.6 leaves the kind to EC2, which makes RSA keys.
  temporary_key_pair_type = "ed25519"
}

build {
  sources = ["source.amazon-ebs.image"]

  provisioner "ansible" {
    playbook_file = var.playbook
    user          = var.ssh_username
    use_proxy     = false
    ansible_env_vars = [
      "ANSIBLE_CONFIG=${abspath(path.root)}/ansible.cfg",
      # A playbook of the user's own finds its roles beside itself first, and these here after them.
      "ANSIBLE_ROLES_PATH=${abspath(path.root)}/roles",
      "ANSIBLE_HOST_KEY_CHECKING=False",
    ]
    extra_arguments = [
      "--extra-vars", "@${var.ansible_variables_file}",
      "--extra-vars", jsonencode({
        bascule_service         = var.service
        bascule_version         = var.version
        bascule_release_archive = var.release_archive
        bascule_root            = var.root
        bascule_become          = var.become
      }),
    ]
  }
}
