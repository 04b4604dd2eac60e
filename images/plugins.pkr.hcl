# For Packer 1.7 and later, which no longer brings its plugins: `packer init images/plugins.pkr.hcl`, once.
# What it installs is found by every build. Packer 1.6.6, Debian's, has the plugins inside and cannot read this.

packer {
  required_plugins {
    amazon = {
      source  = "github.com/hashicorp/amazon"
      version = "~> 1.3"
    }
    ansible = {
      source  = "github.com/hashicorp/ansible"
      version = "~> 1.1"
    }
  }
}
