"""What a program on boto3 sees of awsmfa; prints its findings as JSON.

Arguments: the awsmfa program. The environment holds HOME and the endpoint.
"""
import datetime
import json
import os
import subprocess
import sys

import boto3
import botocore.session

awsmfa = sys.argv[1]
found = {}


def arn(session):
    return session.client("sts").get_caller_identity()["Arn"]


# A profile with credential_process.
session = boto3.Session(profile_name="dev-mfa")
credentials = session.get_credentials()
found["process arn"] = arn(session)
found["process class"] = type(credentials).__name__
found["process method"] = credentials.method
left = credentials._expiry_time - datetime.datetime.now(datetime.timezone.utc)
found["process hours left"] = left.total_seconds() / 3600
found["process refresh needed"] = credentials.refresh_needed()
# As if the time had come: it has to run the program once more.
credentials._expiry_time = datetime.datetime.now(datetime.timezone.utc)
found["refreshed key"] = credentials.get_frozen_credentials().access_key
found["refreshed hours left"] = (
    credentials._expiry_time - datetime.datetime.now(datetime.timezone.utc)
).total_seconds() / 3600
found["region"] = session.region_name
found["session arn"] = arn(boto3.Session(profile_name="role-mfa"))


def output(*arguments):
    return subprocess.run([awsmfa, *arguments], check=True, capture_output=True, text=True).stdout


# The variables, as a JSON object and as dotenv lines.
def in_environment(change):
    before = dict(os.environ)
    try:
        for name, value in change.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        session = boto3.Session()
        found_credentials = botocore.session.Session().get_credentials()
        return [arn(session), session.region_name, type(found_credentials).__name__, found_credentials.method]
    finally:
        os.environ.clear()
        os.environ.update(before)


os.environ["AWS_PROFILE"] = "gone"
os.environ["AWS_SECURITY_TOKEN"] = "gone"
document = json.loads(output("env", "dev", "-o", "json"))
found["json"] = in_environment(document)
found["json nulls"] = sorted(name for name, value in document.items() if value is None)
del os.environ["AWS_PROFILE"], os.environ["AWS_SECURITY_TOKEN"]

dotenv = {}
for line in output("env", "dev", "-o", "dotenv").splitlines():
    name, _, value = line.partition("=")
    dotenv[name] = value
found["dotenv"] = in_environment(dotenv)
found["dotenv is json"] = dotenv == {k: v for k, v in document.items() if v is not None}

json.dump(found, sys.stdout)
