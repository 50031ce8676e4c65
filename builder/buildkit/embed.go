package buildkit

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/containerd/containerd/v2/defaults"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/cmd/buildkitd/config"
	"github.com/moby/buildkit/control"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/solver"
	"github.com/moby/buildkit/solver/bboltcachestorage"
	"github.com/moby/buildkit/util/grpcerrors"
	buildkitworker "github.com/moby/buildkit/worker"
	bolt "go.etcd.io/bbolt"
	"google.golang.org/grpc"
	"google.golang.org/grpc/test/bufconn"

	"github.com/minimirror/minimirror/internal/image"
)

// embed runs a BuildKit daemon within this process, on a listener in memory. The
// returned function ends it.
func embed(ctx context.Context, o Options, src *source, progress *meter) (*client.Client, func(), error) {
	state, err := newScratchDir(o.StateDir, "minimirror-bake-")
	if err != nil {
		return nil, nil, fmt.Errorf("buildkit: %w", err)
	}
	var read func(int)
	if o.Output.Transport == image.Docker {
		read = progress.add // what is read is pushed
	}
	hosts, connections, err := registryHosts(o)
	if err != nil {
		state.remove()
		return nil, nil, err
	}
	d, err := newDaemon(ctx, state.Name(), src, hosts, connections, read)
	if err != nil {
		state.remove()
		return nil, nil, fmt.Errorf("buildkit: %w", err)
	}
	c, err := client.New(ctx, "passthrough:///embedded", client.WithContextDialer(d.dial))
	if err != nil {
		d.close()
		state.remove()
		return nil, nil, fmt.Errorf("buildkit: %w", err)
	}
	return c, func() {
		if err := errors.Join(c.Close(), d.close()); err != nil {
			o.Log.Debug("buildkit: shut down", "error", err)
		}
		state.remove()
	}, nil
}

// A daemon is BuildKit's controller with one worker.
type daemon struct {
	listener   *bufconn.Listener
	server     *grpc.Server
	controller *control.Controller
	served     chan struct{}
	stop       chan struct{}
}

func newDaemon(ctx context.Context, dir string, src *source, hosts docker.RegistryHosts, connections closer, read func(int)) (_ *daemon, err error) {
	var open closers
	defer func() {
		if err != nil {
			err = errors.Join(err, open.Close())
		}
	}()
	w, err := newWorker(dir, src, hosts, connections, read)
	if err != nil {
		return nil, err
	}
	open = append(open, w)
	cache, err := bboltcachestorage.NewStore(filepath.Join(dir, "cache.db"))
	if err != nil {
		return nil, err
	}
	open = append(open, cache)
	history, err := bolt.Open(filepath.Join(dir, "history.db"), 0o600, volatile)
	if err != nil {
		return nil, err
	}
	open = append(open, history)
	sessions, err := session.NewManager()
	if err != nil {
		return nil, err
	}
	workers := &buildkitworker.Controller{}
	if err := workers.Add(w); err != nil {
		return nil, err
	}
	d := &daemon{listener: bufconn.Listen(1 << 20), served: make(chan struct{}), stop: make(chan struct{})}
	var none int64
	d.controller, err = control.NewController(control.Opt{
		SessionManager:   sessions,
		WorkerController: workers,
		CacheManager:     solver.NewCacheManager(ctx, "local", cache, buildkitworker.NewCacheResultStorage(workers)),
		CacheStore:       cache,
		HistoryDB:        history,
		HistoryConfig:    &config.HistoryConfig{MaxEntries: &none},
		LeaseManager:     w.LeaseManager(),
		ContentStore:     w.ContentStore(),
		GarbageCollect:   w.GarbageCollect,
		GracefulStop:     d.stop,
	})
	if err != nil {
		return nil, err
	}
	d.server = grpc.NewServer(
		grpc.UnaryInterceptor(grpcerrors.UnaryServerInterceptor),
		grpc.StreamInterceptor(grpcerrors.StreamServerInterceptor),
		grpc.WaitForHandlers(true), // they use the databases that close closes
		grpc.MaxRecvMsgSize(defaults.DefaultMaxRecvMsgSize),
		grpc.MaxSendMsgSize(defaults.DefaultMaxSendMsgSize),
	)
	d.controller.Register(d.server)
	go func() {
		defer close(d.served)
		d.server.Serve(d.listener)
	}()
	return d, nil
}

func (d *daemon) dial(ctx context.Context, _ string) (net.Conn, error) {
	return d.listener.DialContext(ctx)
}

// close stops the daemon. One goroutine of BuildKit's history queue keeps sleeping: there is no way
// to stop it.
func (d *daemon) close() error {
	d.server.Stop()
	<-d.served
	close(d.stop)
	return d.controller.Close()
}

// volatile opens a database that need not survive a crash.
var volatile = &bolt.Options{Timeout: time.Second, NoSync: true, NoGrowSync: true, FreelistType: bolt.FreelistMapType}
