"""The lab's AWS: moto made as strict as the real thing, with a log, faults and machines.

moto reads these switches when it is imported, so they are set before anything else here is.
"""

import os

os.environ["MOTO_ENABLE_AMI_VALIDATION"] = "true"
os.environ["MOTO_ENABLE_KEYPAIR_VALIDATION"] = "true"
os.environ["MOTO_EC2_ENABLE_INSTANCE_TYPE_VALIDATION"] = "true"
# The 1,100 Amazon images per region cost a second of start-up each; ec2/images.py makes its own short list.
os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
# moto would look for real credentials when it builds its clients.
os.environ.setdefault("AWS_ACCESS_KEY_ID", "lab")
os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "lab")
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
