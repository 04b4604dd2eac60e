"""The sandbox's control plane: moto's AWS APIs, told the truth by the sandbox's daemon."""
