"""Calls the stand-in with boto3. Reads {url, users, ...} and codes on stdin, prints one JSON object of outcomes."""
import json
import os
import sys

try:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import ClientError
except ImportError:
    sys.exit(77)

given = json.load(sys.stdin)
dev = given["user"]
outcomes = {}
config = Config(retries={"max_attempts": 0, "mode": "standard"}, parameter_validation=False)
session = boto3.Session()


def client(service, key, secret, token=None, region="eu-west-1"):
    return session.client(service, endpoint_url=given["url"], region_name=region, aws_access_key_id=key,
                          aws_secret_access_key=secret, aws_session_token=token, config=config)


def attempt(name, call):
    """Records "ok" or code and message of the error."""
    try:
        result = call()
        outcomes[name] = "ok"
        return result
    except ClientError as e:
        error = e.response["Error"]
        outcomes[name] = "%d %s %s" % (e.response["ResponseMetadata"]["HTTPStatusCode"], error["Code"], error.get("Message", ""))


def held(answer):
    c = answer["Credentials"]
    return c["AccessKeyId"], c["SecretAccessKey"], c["SessionToken"]


key, secret, serial = dev["access_key_id"], dev["secret_access_key"], dev["mfa_serial"]
sts, iam = client("sts", key, secret), client("iam", key, secret)
login = lambda code, **more: sts.get_session_token(SerialNumber=more.pop("serial", serial), TokenCode=code, **more)
assume = lambda c, **more: c.assume_role(RoleArn=given["role"], RoleSessionName=more.pop("name", "dev@x"), **more)

outcomes["identity"] = sts.get_caller_identity()["Arn"]
attempt("wrong secret", lambda: client("sts", key, "x" * 40).get_caller_identity())
attempt("unknown key", lambda: client("sts", "AKIAAAAAAAAAAAAAAAAA", secret).get_caller_identity())
attempt("other partition", lambda: client("sts", key, secret, region="cn-north-1").get_caller_identity())
attempt("wrong code", lambda: login(given["wrong"]))
attempt("short code", lambda: login("12345"))
attempt("wrong serial", lambda: login(given["codes"][0], serial=serial + "x"))
answer = attempt("login", lambda: login(given["codes"][0], DurationSeconds=3600))
outcomes["expiration"] = answer["Credentials"]["Expiration"].isoformat()
attempt("reused code", lambda: login(given["codes"][0]))
attempt("duration", lambda: sts.get_session_token(DurationSeconds=899))
outcomes["devices"] = [d["SerialNumber"] for d in iam.get_paginator("list_mfa_devices").paginate(PaginationConfig={"PageSize": 2}).build_full_result()["MFADevices"]]
outcomes["user"] = iam.get_user()["User"]["Arn"]

mfa = client("sts", *held(answer))
attempt("session login", lambda: mfa.get_session_token())
outcomes["session identity"] = mfa.get_caller_identity()["Arn"]
plain = sts.get_session_token()
attempt("iam without mfa", lambda: client("iam", *held(plain)).list_mfa_devices())
attempt("role without mfa", lambda: assume(client("sts", *held(plain))))
answer = attempt("role with mfa", lambda: assume(mfa, Tags=[{"Key": "a", "Value": "b"}], Policy='{"Statement":[]}'))
outcomes["assumed"] = answer["AssumedRoleUser"]["Arn"]
outcomes["role identity"] = client("sts", *held(answer)).get_caller_identity()["Arn"]
attempt("chained two hours", lambda: assume(mfa, DurationSeconds=7200))
attempt("direct two hours", lambda: assume(sts, DurationSeconds=7200, SerialNumber=serial, TokenCode=given["codes"][1]))
attempt("bad name", lambda: assume(mfa, name="a b"))
k, s, t = held(answer)
attempt("missing token", lambda: client("sts", k, s).get_caller_identity())
attempt("damaged token", lambda: client("sts", k, s, t[:-8] + "AAAAAAA=").get_caller_identity())

from urllib.request import urlopen  # a presigned URL needs no SDK to be used
with urlopen(sts.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")) as r:
    outcomes["presigned"] = dev["arn"] in r.read().decode()
print(json.dumps(outcomes))
