package bootstrap

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
)

// Shell writes the commands that install a set from an OCI archive with a POSIX
// shell, tar, sha256sum and what the set's own script needs. They name the layers
// by digest and verify them: if you trust the commands, you can trust what they install.
func Shell(ctx context.Context, r *image.Reader, set, architecture, system string) (string, error) {
	nodes := nodesOf(r, set, architecture, system)
	members, err := r.Set(ctx, set, nodes)
	if err != nil {
		return "", err
	}
	digests := r.LayerDigests()
	if len(digests) < 2 {
		return "", artifact.Hint(fmt.Errorf("%s: its layers are not known", r.Reference), "name the image as oci-archive:FILE, oci:DIR or docker://…")
	}
	layers := []int{len(digests) - 2} // the scripts
	for _, m := range members {
		for _, at := range m.Places {
			if !slices.Contains(layers, at.Layer) {
				layers = append(layers, at.Layer)
			}
		}
	}
	slices.Sort(layers)
	var blobs []string
	for _, at := range layers {
		blobs = append(blobs, strings.TrimPrefix(digests[at], "sha256:"))
	}
	folder := set
	if before, _, found := strings.Cut(nodes, "/"); found {
		folder = path.Join(set, before) // of the system
	}
	return fmt.Sprintf(shellLines, set, nodes, r.Name, strings.Join(blobs, " \\\n\t"), folder), nil
}

const shellLines = `#!/bin/sh
# Installs the set %[1]s for %[2]s out of the OCI archive of %[3]q:
#	sh THIS-FILE IMAGE.tar [--no-start]
# Needs root, tar, sha256sum, and what install.sh of the set needs.
set -eu
die() { echo "$0: $*" >&2; exit 1; }
[ $# -gt 0 ] || die "name the OCI archive: sh $0 IMAGE.tar [--no-start]"
[ "$(id -u)" = 0 ] || die "root is needed; type: sudo sh $0 $*"
image=$1
shift
[ -r "$image" ] || die "$image: there is no such file"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for blob in \
	%[4]s
do
	tar -xOf "$image" "blobs/sha256/$blob" >"$dir/layer"
	echo "$blob  $dir/layer" | sha256sum -c - >/dev/null
	tar -xf "$dir/layer" -C "$dir"
	rm "$dir/layer"
done
sh "$dir/bootstrap/%[5]s/install.sh" --from "$dir/mirror" "$@"
`
