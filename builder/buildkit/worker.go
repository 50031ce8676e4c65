package buildkit

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/containerd/containerd/v2/core/diff/apply"
	"github.com/containerd/containerd/v2/core/metadata"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/core/snapshots"
	"github.com/containerd/containerd/v2/plugins/diff/walking"
	"github.com/containerd/containerd/v2/plugins/snapshots/native"
	"github.com/moby/buildkit/cache"
	cachemetadata "github.com/moby/buildkit/cache/metadata"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter"
	"github.com/moby/buildkit/exporter/containerimage"
	ociexporter "github.com/moby/buildkit/exporter/oci"
	"github.com/moby/buildkit/identity"
	"github.com/moby/buildkit/session"
	containerdsnapshot "github.com/moby/buildkit/snapshot/containerd"
	buildkitsource "github.com/moby/buildkit/source"
	imagesource "github.com/moby/buildkit/source/containerimage"
	"github.com/moby/buildkit/util/leaseutil"
	"github.com/moby/buildkit/worker/base"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	bolt "go.etcd.io/bbolt"
)

const (
	namespace   = "buildkit" // within containerd's metadata
	snapshotter = "native"   // never makes a snapshot
)

// A worker is a BuildKit worker with only what Bake needs: its only
// source is an OCI layout of the client, and it exports and pushes images. It
// runs no program, mounts nothing, and does not look for git or emulators, as
// base.NewWorker and the workers of buildkitd do.
type worker struct {
	*base.Worker
	images *containerimage.ImageWriter
	closer closers
}

func newWorker(dir string, src *source, hosts docker.RegistryHosts, connections closer, read func(int)) (_ *worker, err error) {
	open := closers{connections}
	defer func() {
		if err != nil {
			err = errors.Join(err, open.Close())
		}
	}()
	database, err := bolt.Open(filepath.Join(dir, "containerd.db"), 0o600, volatile)
	if err != nil {
		return nil, err
	}
	open = append(open, database)
	native, err := native.NewSnapshotter(filepath.Join(dir, "snapshots"))
	if err != nil {
		return nil, err
	}
	open = append(open, native)
	records, err := cachemetadata.NewStore(filepath.Join(dir, "cache-metadata.db"))
	if err != nil {
		return nil, err
	}
	open = append(open, records)
	if db, ok := records.DB().(*bolt.DB); ok {
		db.NoSync, db.NoGrowSync = true, true // as volatile; it has no option for it
	}

	// Below containerd's metadata our store already has the layers. BuildKit pulls a
	// layer by opening a writer for its digest, which is then complete at once.
	db := metadata.NewDB(database, src.inMemory(read), map[string]snapshots.Snapshotter{snapshotter: native})
	if err := db.Init(context.Background()); err != nil {
		return nil, err
	}
	contents := containerdsnapshot.NewContentStore(db.ContentStore(), namespace)
	w := &worker{closer: open, Worker: &base.Worker{WorkerOpt: base.WorkerOpt{
		ID:             identity.NewID(),
		Root:           dir,
		MetadataStore:  records,
		Snapshotter:    containerdsnapshot.NewSnapshotter(snapshotter, db.Snapshotter(snapshotter), namespace, nil),
		ContentStore:   contents,
		Applier:        apply.NewFileSystemApplier(contents),
		Differ:         walking.NewWalkingDiff(contents),
		RegistryHosts:  hosts,
		Platforms:      src.platforms(),
		LeaseManager:   leaseutil.WithNamespace(metadata.NewLeaseManager(db), namespace),
		GarbageCollect: db.GarbageCollect,
	}}}
	return w, w.compose()
}

// compose makes the worker's parts from its options.
func (w *worker) compose() (err error) {
	w.CacheMgr, err = cache.NewManager(cache.ManagerOpt{
		Snapshotter:    w.Snapshotter,
		ContentStore:   w.WorkerOpt.ContentStore,
		LeaseManager:   w.WorkerOpt.LeaseManager,
		Applier:        w.Applier,
		Differ:         w.Differ,
		MetadataStore:  w.MetadataStore,
		GarbageCollect: w.WorkerOpt.GarbageCollect,
		Root:           w.Root,
	})
	if err != nil {
		return err
	}
	w.OCILayoutSource, err = imagesource.NewSource(imagesource.SourceOpt{
		ResolverType:  imagesource.ResolverTypeOCILayout,
		Snapshotter:   w.Snapshotter,
		ContentStore:  w.WorkerOpt.ContentStore,
		LeaseManager:  w.WorkerOpt.LeaseManager,
		Applier:       w.Applier,
		CacheAccessor: w.CacheMgr,
	})
	if err != nil {
		return err
	}
	if w.SourceManager, err = buildkitsource.NewManager(); err != nil {
		return err
	}
	w.SourceManager.Register(w.OCILayoutSource)
	w.images, err = containerimage.NewImageWriter(containerimage.WriterOpt{
		Snapshotter:  w.Snapshotter,
		ContentStore: w.WorkerOpt.ContentStore,
		Applier:      w.Applier,
		Differ:       w.Differ,
	})
	return err
}

// Exporter returns one of the two exporters that solve uses.
func (w *worker) Exporter(name string, sessions *session.Manager) (exporter.Exporter, error) {
	switch name {
	case client.ExporterImage:
		return containerimage.New(containerimage.Opt{
			SessionManager: sessions,
			ImageWriter:    w.images,
			RegistryHosts:  w.RegistryHosts,
			LeaseManager:   w.LeaseManager(),
		})
	case client.ExporterOCI:
		return ociexporter.New(ociexporter.Opt{
			SessionManager: sessions,
			ImageWriter:    w.images,
			Variant:        ociexporter.VariantOCI,
			LeaseManager:   w.LeaseManager(),
		})
	}
	return nil, fmt.Errorf("buildkit: no exporter %q", name)
}

// Platforms are the images': nothing runs, so this machine's platforms do not matter.
func (w *worker) Platforms(bool) []ocispec.Platform { return w.WorkerOpt.Platforms }

// Close closes the worker's databases.
func (w *worker) Close() error { return w.closer.Close() }

// closers are closed together, last first.
type closers []closer

type closer interface{ Close() error }

func (c closers) Close() error {
	var errs []error
	for i := len(c) - 1; i >= 0; i-- {
		errs = append(errs, c[i].Close())
	}
	return errors.Join(errs...)
}
