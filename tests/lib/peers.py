#!/usr/bin/python3
"""Other people's mail programs and tools, unpacked from Debian's packages into a folder of the build; never installed.

usage: peers.py     unpacks them all, once; tests/run.py does it before the tests, which have no network of the outside.

root("postfix") is a folder to chroot into, with the package and the libraries that it needs. None when it could not be
had (not Debian, no package source, not root): the tests that want it are then skipped.
"""
import fcntl
import glob
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.lib.server import BUILD, IS_ROOT  # noqa: E402

PEERS = os.path.join(os.path.dirname(BUILD) if os.path.basename(BUILD) in ("hooks", "sanitize") else BUILD, "peers")
PACKAGES = {"postfix": ["postfix"], "dovecot": ["dovecot-core", "dovecot-imapd"], "exim": ["exim4-daemon-light"],
            "opensmtpd": ["opensmtpd"], "msmtp": ["msmtp"], "haproxy": ["haproxy"],
            "swaks": ["swaks", "libnet-ssleay-perl"],
            "testssl": ["testssl.sh", "bsdextrautils", "procps"]}
# What a mail program needs to start, besides the libraries: scripts of its own call a shell and its common tools.
BASICS = ("dash", "coreutils", "sed", "grep", "findutils", "libc-bin", "ssl-cert", "gawk", "mawk")
NOT_NEEDED = re.compile(r"^(debconf|perl|perl-base|libperl|dpkg|adduser|passwd|lsb-base|e2fsprogs|netbase|init-system-helpers"
                        r"|cdebconf|libnewt|libslang|tar|install-info|ucf|openssl|sensible-utils|login|libpam-modules-bin)")


def packages_of(names):
    """The names and everything they depend on, as far as it is needed in a chroot."""
    done = subprocess.run(["apt-cache", "depends", "--recurse", "--no-recommends", "--no-suggests", "--no-conflicts",
                           "--no-breaks", "--no-replaces", "--no-enhances", *names, "dash", "coreutils"],
                          capture_output=True, text=True, check=False)
    found = sorted(set(re.findall(r"(?m)^([a-z0-9][a-z0-9+.-]+)(?::\w+)?$", done.stdout)))
    return [name for name in found if not NOT_NEEDED.match(name) and (name in names or name.startswith(("lib", "zlib")) or name in BASICS)]


def unpack(folder, names):
    downloads = folder + ".packages"
    shutil.rmtree(downloads, ignore_errors=True)
    os.makedirs(downloads)
    # As root apt would drop to an account of its own that cannot write here.
    download = ["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root"]
    if subprocess.run(download + packages_of(names), cwd=downloads, capture_output=True, check=False).returncode:
        # The lists may be missing or old.
        subprocess.run(["apt-get", "update", "-q"], check=True, capture_output=True)
        subprocess.run(download + packages_of(names), cwd=downloads, check=True, capture_output=True)
    for package in sorted(glob.glob(os.path.join(downloads, "*.deb"))):
        subprocess.run(["dpkg", "-x", package, folder], check=True)
    shutil.rmtree(downloads)
    for name in ("dev", "proc", "tmp", "etc", "var/log", "var/spool"):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
    subprocess.run(["ldconfig", "-r", folder], check=False, stderr=subprocess.DEVNULL)


def prepare(label, names):
    os.makedirs(PEERS, exist_ok=True)
    folder = os.path.join(PEERS, label)
    with open(folder + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.exists(folder + ".ready"):
            return
        shutil.rmtree(folder, ignore_errors=True)
        try:
            unpack(folder, names)
        except (subprocess.CalledProcessError, OSError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            story = (getattr(error, "stderr", b"") or b"").decode(errors="replace").splitlines()
            print(f"{label} cannot be unpacked ({story[-1] if story else error}); tests with it will be skipped")
            return
        with open(folder + ".ready", "w", encoding="utf-8"):
            pass


def root(label):
    """The folder of an unpacked peer, or None."""
    folder = os.path.join(PEERS, label)
    return folder if IS_ROOT and os.path.exists(folder + ".ready") else None


def swaks():
    """The words that start swaks, by the perl of this machine; None when it could not be had."""
    folder = root("swaks")
    libraries = glob.glob(os.path.join(folder, "usr/lib/*/perl5/*")) if folder else []
    return ["perl", *("-I" + library for library in libraries), os.path.join(folder, "usr/bin/swaks")] if folder else None


def devices(folder):
    """The few devices that every program expects."""
    mask = os.umask(0)
    for name, minor in (("null", 3), ("zero", 5), ("urandom", 9), ("random", 8)):
        try:
            os.mknod(os.path.join(folder, "dev", name), 0o020666, os.makedev(1, minor))
        except FileExistsError:
            continue  # a job beside this one was quicker
    os.umask(mask)


def main():
    if IS_ROOT and shutil.which("apt-get") and shutil.which("dpkg"):
        for label, names in PACKAGES.items():
            prepare(label, names)


if __name__ == "__main__":
    main()
