#!/bin/sh
# A batch job: convert files of events to event lists. Arguments are options of "km3vo events convert"
# and the files. The environment is where KM3VO_ENVIRONMENT says, for example on CVMFS.
# What it leaves in the working directory: *.fits with *.prov.json, and report.json.
set -eu
: "${KM3VO_ENVIRONMENT:?set it to the directory of km3vo}"
# caches of libraries; some worker nodes have no home directory
HOME=${TMPDIR:-$PWD}
export HOME
exec "$KM3VO_ENVIRONMENT/bin/km3vo" events convert --jobs "${KM3VO_JOBS:-1}" \
    --report report.json --output . "$@"
