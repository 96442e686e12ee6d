"""Print, as one JSON object, how botocore reads every case of a corpus.

Usage: readings.py CORPUS [profiles]. With "profiles", the sources of their
credentials, which take most of the time, are left out. Nothing is run and no
network is used: sources that would need either are answered with their name.
"""

import json
import os
import sys

import botocore.credentials as credentials
import botocore.session
from botocore.exceptions import BotoCoreError

MARK = {
    "process": "credential_process",
    "sso": "sso",
    "login": "login_session",
    "credential-source": "credential_source",
    "web-identity": "web_identity_token_file",
}


def marker(kind):
    return credentials.Credentials(MARK[kind], "secret", method=kind)


def load_process(self):
    return marker("process") if self._credential_process is not None else None


def load_sso(self):
    return marker("sso") if self._load_sso_config() else None


def load_login(self):
    profiles = self._load_config().get("profiles", {})
    found = "login_session" in profiles.get(self._profile_name, {})
    return marker("login") if found else None


def load_web_identity(self):
    if not self._get_config("web_identity_token_file"):
        return None
    if not self._get_config("role_arn"):
        raise credentials.InvalidConfigError(error_msg="no role_arn")
    return marker("web-identity")


def patch():
    credentials.ProcessProvider.load = load_process
    credentials.SSOProvider.load = load_sso
    if hasattr(credentials, "LoginProvider"):
        credentials.LoginProvider.load = load_login
    credentials.AssumeRoleWithWebIdentityProvider.load = load_web_identity
    credentials.AssumeRoleProvider._resolve_credentials_from_source = (
        lambda self, source, profile: marker("credential-source")
    )


def source(found):
    """Follow deferred credentials to their key; name the roles on the way."""
    roles = []
    while isinstance(found, credentials.DeferredRefreshableCredentials):
        refresh = found._refresh_using
        # With mfa_serial the method is wrapped once more.
        fetcher = getattr(refresh, "_refresh", refresh).__self__
        roles.insert(0, fetcher._role_arn)
        found = fetcher._source_credentials
    if found is None:
        return {"error": "none"}
    # With credential_source the role belongs to the source.
    if found.access_key == MARK["credential-source"]:
        roles.pop(0)
    return {"key": found.access_key, "roles": roles, "token": bool(found.token)}


def resolve(name):
    try:
        session = botocore.session.Session(profile=name)
        return source(session.get_credentials())
    except BotoCoreError as e:
        return {"error": type(e).__name__}


def read(case, sources):
    os.environ["AWS_CONFIG_FILE"] = os.path.join(case, "config")
    os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.path.join(case, "credentials")
    try:
        profiles = botocore.session.Session().full_config["profiles"]
    except BotoCoreError as e:
        return {"refused": type(e).__name__}
    return {"profiles": profiles, "sources": {n: resolve(n) for n in profiles if sources}}


def main(corpus, only=""):
    for name in [n for n in os.environ if n.startswith("AWS")]:
        del os.environ[name]
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    patch()
    cases = sorted(e.name for e in os.scandir(corpus) if e.is_dir())
    json.dump({c: read(os.path.join(corpus, c), not only) for c in cases}, sys.stdout)


main(*sys.argv[1:])
