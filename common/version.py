"""The version of GRPS, as in CHANGELOG.md."""

VERSION = "1.0.0"
