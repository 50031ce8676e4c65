package buildkit

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/solver/llbsolver/compat"
	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/minimirror/minimirror/internal/image"
)

const (
	// storeID names the layout's content store within the session.
	storeID = "minimirror"
	// layoutName is the layout's repository; its host can be no registry's (RFC 2606).
	layoutName = "layout.invalid/minimirror"
)

// errBrokenOff is all that BuildKit may report about a daemon that was stopped, or about a
// registry that refused an upload before it had read it all.
var errBrokenOff = errors.New("buildkit: the daemon or the registry closed the connection")

// solve has BuildKit assemble the image and export or push it. Without a daemon
// (nil), it does so in this process.
func solve(ctx context.Context, o Options, c *client.Client, src *source, progress *meter) (*baked, error) {
	upload := progress.add
	if c == nil {
		upload = nil // the BuildKit inside this program has the layers
		embedded, end, err := embed(ctx, o, src, progress)
		if err != nil {
			return nil, err
		}
		defer end()
		c = embedded
	}
	mine := src.inMemory(upload)
	// A fixed version of what BuildKit promises to make from the same input.
	options := client.SolveOpt{
		CompatibilityVersion: compat.CompatibilityVersion031,
		OCIStores:            map[string]content.Store{storeID: mine},
	}
	attributes := map[string]string{
		string(exptypes.OptKeySourceDateEpoch):  strconv.FormatInt(src.created.Unix(), 10),
		string(exptypes.OptKeyOCITypes):         "true",
		string(exptypes.OptKeyLayerCompression): "uncompressed",
	}
	if o.Output.Transport == image.Docker {
		answers, err := login(o)
		if err != nil {
			return nil, err
		}
		options.Session = []session.Attachable{answers}
		options.Exports = []client.ExportEntry{push(attributes, o)}
	} else {
		attributes["tar"] = "false"
		options.Exports = []client.ExportEntry{{Type: client.ExporterOCI, Attrs: attributes, OutputStore: mine}}
	}
	// A cancelled client would wait five seconds for a final response.
	defer context.AfterFunc(ctx, func() { c.Close() })()
	var response *client.SolveResponse
	var err error
	if len(src.images) == 1 {
		attributes[exptypes.ExporterImageConfigKey] = string(src.images[0].config)
		var definition *llb.Definition
		if definition, err = src.images[0].definition(ctx); err == nil {
			response, err = c.Solve(ctx, definition, options, nil)
		}
	} else {
		response, err = c.Build(ctx, options, "", src.build, nil)
	}
	if err != nil {
		if unreadable := src.failed.Load(); unreadable != nil {
			return nil, *unreadable
		}
		if ctx.Err() == nil && strings.HasSuffix(err.Error(), context.Canceled.Error()) {
			return nil, errBrokenOff // not by us
		}
		return nil, err
	}
	return result(ctx, src, mine, response)
}

// result finds the manifest or index that BuildKit made. After a push only its digest is known.
func result(ctx context.Context, src *source, mine *store, response *client.SolveResponse) (*baked, error) {
	sum, err := digest.Parse(response.ExporterResponse[exptypes.ExporterImageDigestKey])
	if err != nil {
		return nil, fmt.Errorf("buildkit: its answer has no digest: %w", err)
	}
	img := &baked{manifest: ocispec.Descriptor{MediaType: ocispec.MediaTypeImageIndex, Digest: sum}, store: mine}
	if len(src.images) == 1 {
		img.manifest.MediaType, img.manifest.Platform = ocispec.MediaTypeImageManifest, &src.images[0].platform
	}
	info, err := mine.Info(ctx, sum)
	if err != nil {
		return img, nil
	}
	img.manifest.Size = info.Size
	manifests, err := img.manifests(ctx)
	if err != nil {
		return nil, err
	}
	if len(manifests) != len(src.images) {
		return nil, fmt.Errorf("buildkit: the daemon made an index of %d images, not %d", len(manifests), len(src.images))
	}
	for i, d := range manifests {
		manifest, err := content.ReadBlob(ctx, mine, d)
		if err == nil {
			err = src.images[i].check(manifest)
		}
		if err != nil {
			return nil, err
		}
	}
	return img, nil
}
