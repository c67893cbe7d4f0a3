"""testssl.sh, unpacked from Debian's package, against a port with STARTTLS: what it finds, as it writes it to JSON."""
import json
import os
import shutil
import subprocess

from tests.lib import peers
from tests.lib import server as tidegate

# A certificate that nobody else has signed, which is what a test has: no chain, and nobody to revoke it.
SELF_SIGNED = {"cert_chain_of_trust", "cert_revocation"}
GRAVE = ("MEDIUM", "HIGH", "CRITICAL")


def is_there():
    return peers.root("testssl") is not None and bool(shutil.which("openssl"))


def make_pair(folder, name, kind):
    """A key and a certificate for this name; kind is "ec" or "rsa". The paths of chain and key."""
    chain, key = (os.path.join(folder, f"{name}.{kind}.{part}.pem") for part in ("chain", "key"))
    new = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if kind == "ec" else ["rsa:2048"]
    subprocess.run(["openssl", "req", "-x509", "-nodes", "-days", "90", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
                    "-newkey", *new, "-keyout", key, "-out", chain], check=True, capture_output=True)
    return chain, key


def tools(folder):
    """A folder with what testssl wants to find before it begins: here no name is ever looked up."""
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "host")
    with open(path, "w", encoding="ascii") as file:
        file.write("#!/bin/sh\nexit 1\n")
    os.chmod(path, 0o755)
    return folder


def examine(port, name, *checks):
    """Every finding, as dicts with id, severity and finding."""
    root, folder = peers.root("testssl"), tidegate.new_folder("testssl")
    report = os.path.join(folder, "report.json")
    environment = dict(os.environ, TESTSSL_INSTALL_DIR=os.path.join(root, "etc", "testssl"), TERM="dumb", HOME=folder,
                       PATH=":".join([tools(os.path.join(folder, "bin")), os.environ["PATH"], os.path.join(root, "usr", "bin")]))
    words = ["bash", os.path.join(root, "usr", "bin", "testssl"), "--openssl", shutil.which("openssl"), "-t", "smtp", "--nodns", "none",
             "--ip", "127.0.0.1", "--warnings", "batch", "--color", "0", "--quiet", "--jsonfile", report, *checks, f"{name}:{port}"]
    done = subprocess.run(words, env=environment, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    try:
        with open(report, encoding="utf-8") as file:
            findings = json.load(file)
    except (OSError, ValueError) as error:
        raise AssertionError(f"testssl left no report ({error}): {done.stdout[-2000:]}{done.stderr[-2000:]}") from error
    if not any(finding["id"] == "scanTime" and finding["severity"] == "INFO" for finding in findings):
        raise AssertionError(f"testssl did not come to its end: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return findings


def grave(findings, known=()):
    """What is of medium severity or worse, but for what comes of a self-signed certificate and what is known."""
    return [f"{finding['id']}: {finding['severity']}: {finding['finding']}" for finding in findings
            if finding["severity"] in GRAVE and finding["id"].split(" ")[0] not in SELF_SIGNED.union(known)]
