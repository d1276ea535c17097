#!/bin/sh
# Runs in the lab's builder: build (or import) one base image and push it into a registry store.
# Arguments: image directory, reference, store, then REFERENCE=STORE for each base it needs.
set -eu
name=$1 reference=$2 store=$3
shift 3
export DOCKER_HOST=unix:///var/run/docker.sock "PATH=/usr/local/bin:$PATH"
registry=127.0.0.1:5000

serve() {
    export REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY="$1/var/lib/registry"
    docker-registry serve /opt/lab/registry.yml >>/var/log/registry.log 2>&1 &
    server=$!
    tries=0
    until curl -fs "http://$registry/v2/" >/dev/null; do
        tries=$((tries + 1))
        [ $tries -lt 100 ] || exit 1
        sleep 0.1
    done
}

unserve() {
    kill $server
    wait $server || true
}

qualified() {
    case $1 in
    */*) echo "$registry/$1" ;;
    *) echo "$registry/library/$1" ;;
    esac
}

for base; do
    base_reference=${base%%=*}
    if ! docker image inspect "$base_reference" >/dev/null 2>&1; then
        serve "${base#*=}"
        docker pull --quiet "$(qualified "$base_reference")"
        docker tag "$(qualified "$base_reference")" "$base_reference"
        unserve
    fi
done

if [ "$name" = debian ]; then
    docker import --change 'CMD ["bash"]' /base/base.tar "$reference"
else
    # Without attestations the same content keeps the same digest.
    export BUILDX_NO_DEFAULT_ATTESTATIONS=1
    docker build --progress plain --secret id=ca,src=/opt/lab/ca --tag "$reference" "/images/$name"
fi

serve "$store"
docker tag "$reference" "$(qualified "$reference")"
docker push --quiet "$(qualified "$reference")"
unserve
