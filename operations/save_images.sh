#!/bin/sh
# Prints images as an archive for `docker load`, without some of their layers.
# Parameters: a directory to work in, the Docker CLI, paths in the archive to leave out (a line
# each), and the images.
set -eu
umask 077
directory=$1 docker=$2 without=$3
shift 3
work=$(mktemp -d "$directory/images.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM PIPE
mkdir "$work/archive"
printf '%s\n' "$without" >"$work/without"
"$docker" save "$@" | tar -xf - -C "$work/archive" -X "$work/without"
cd "$work/archive"
# A Mac's tar would put extended attributes in, as files of their own.
COPYFILE_DISABLE=1 tar -cf - ./*
