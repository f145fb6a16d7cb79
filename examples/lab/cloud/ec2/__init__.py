"""EC2 as strict as AWS: client tokens, states over time, dependencies, validation, Debian images."""
