#!/bin/sh
# Makes the database and its two roles at the first start of the postgres image (compose.yaml).
set -eu
psql --set=ON_ERROR_STOP=1 --username="$POSTGRES_USER" --dbname=postgres \
  --set=owner="$(cat "$OWNER_PASSWORD_FILE")" --set=application="$(cat "$GRPS_PASSWORD_FILE")" <<'SQL'
CREATE ROLE grps_owner LOGIN CREATEROLE PASSWORD :'owner';
CREATE ROLE grps_app LOGIN PASSWORD :'application';
CREATE DATABASE grps OWNER grps_owner;
SQL
