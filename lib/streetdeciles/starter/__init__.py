"""`streetdeciles init`: a first config from a folder of photographs and a published table."""
