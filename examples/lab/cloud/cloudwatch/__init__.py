"""CloudWatch in the protocols that SDKs speak."""
