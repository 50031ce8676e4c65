package buildkit

import (
	"context"
	"crypto/tls"
	"net/http"
	"strings"
	"sync"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/docker/cli/cli/config/types"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth"
	"github.com/moby/buildkit/session/auth/authprovider"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/transfer"
)

// pushed is the output that BuildKit writes itself.
type pushed struct{}

func openRegistry(o Options) (pushed, error) {
	if strings.Contains(o.Output.Name, ":") {
		return pushed{}, artifact.Hint(artifact.Usagef("%s: an image is pushed to a tag, not to a digest", o.Output),
			"write docker://%s:TAG", o.Output.Path)
	}
	if o.Addr != "" && (o.Registry.CAFile != "" || o.Registry.HostsDir != "") {
		return pushed{}, artifact.Hint(artifact.Usagef("the BuildKit daemon at %s pushes the image, with authorities and mirrors of its own", o.Addr),
			"set them in its buildkitd.toml, or leave the daemon's address out to push from here")
	}
	return pushed{}, nil
}

func (pushed) blobs(context.Context, *layerSet, *meter) error { return nil }
func (pushed) commit(context.Context, *baked, *meter) error   { return nil }
func (pushed) close()                                         {}

// push is the export that ends in a registry. An image to which something is attached has no tag at first: see Options.attachPushed.
func push(attributes map[string]string, o Options) client.ExportEntry {
	attributes[string(exptypes.OptKeyName)] = o.Output.Path + ":" + o.Output.Name
	if o.Attach != nil {
		attributes[string(exptypes.OptKeyName)] = o.Output.Path
		attributes[string(exptypes.OptKeyPushByDigest)] = "true"
	}
	attributes[string(exptypes.OptKeyPush)] = "true"
	attributes[string(exptypes.OptKeyStore)] = "false"
	if o.Registry.Insecure && o.Addr != "" { // else registryHosts knows
		attributes[string(exptypes.OptKeyInsecure)] = "true"
	}
	return client.ExportEntry{Type: client.ExporterImage, Attrs: attributes}
}

// registryHosts finds registries for the BuildKit inside this program, in the same way as for reading images.
// The returned closer closes the connections.
func registryHosts(o Options) (docker.RegistryHosts, closer, error) {
	connections := &idle{}
	hosts, err := o.Registry.Hosts(func(c *http.Client) error {
		if t, is := c.Transport.(*http.Transport); is {
			t.ForceAttemptHTTP2 = false // its flow control slows uploads down (golang.org/issue/14077)
			t.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
			t.MaxIdleConnsPerHost = 4
			connections.add(t)
		}
		return nil
	})
	return hosts, connections, err
}

// idle closes the idle connections of transports.
type idle struct {
	mu         sync.Mutex
	transports []*http.Transport
}

func (i *idle) add(t *http.Transport) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.transports = append(i.transports, t)
}

// Close implements closer.
func (i *idle) Close() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	for _, t := range i.transports {
		t.CloseIdleConnections()
	}
	return nil
}

// login answers for the registries that the user logged in to: transfer.RegistryLogin.
func login(o Options) (session.Attachable, error) {
	host, repository, _ := strings.Cut(o.Output.Path, "/")
	if _, err := transfer.RegistryLogin(host, repository); err != nil {
		return nil, err // as BuildKit would tell it much later
	}
	provider := authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{
		AuthConfigProvider: func(_ context.Context, host string, _ []string, _ authprovider.ExpireCachedAuthCheck) (types.AuthConfig, error) {
			login, err := transfer.RegistryLogin(host, repository)
			if login.User == "" {
				return types.AuthConfig{IdentityToken: login.Secret}, err
			}
			return types.AuthConfig{Username: login.User, Password: login.Secret}, err
		},
	})
	server, ok := provider.(auth.AuthServer)
	if !ok {
		return provider, nil
	}
	return &answers{server, o.Addr == ""}, nil
}

// answers are BuildKit's own except for one question: whether the client should
// fetch tokens, so that the daemon never sees a password. To identify
// itself, the client then keeps a secret in the folder of the Docker configuration.
// That is useless if the daemon is this program, and must not fail if
// the folder is not writable.
type answers struct {
	auth.AuthServer
	embedded bool
}

// Register implements session.Attachable.
func (a *answers) Register(server *grpc.Server) { auth.RegisterAuthServer(server, a) }

// GetTokenAuthority implements auth.AuthServer.
func (a *answers) GetTokenAuthority(ctx context.Context, request *auth.GetTokenAuthorityRequest) (*auth.GetTokenAuthorityResponse, error) {
	if a.embedded {
		return nil, status.Error(codes.Unavailable, "the daemon may ask for credentials")
	}
	response, err := a.AuthServer.GetTokenAuthority(ctx, request)
	if err != nil {
		return nil, status.Error(codes.Unavailable, err.Error())
	}
	return response, nil
}
