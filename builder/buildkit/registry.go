package buildkit

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"strings"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"github.com/docker/cli/cli/config"
	"github.com/docker/cli/cli/config/credentials"
	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/exporter/containerimage/exptypes"
	"github.com/moby/buildkit/session"
	"github.com/moby/buildkit/session/auth"
	"github.com/moby/buildkit/session/auth/authprovider"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image"
)

// registry is the output that BuildKit writes by itself.
type registry struct{}

func openRegistry(ref image.Reference) (registry, error) {
	if strings.Contains(ref.Name, ":") {
		return registry{}, artifact.Hint(artifact.Usagef("%s: an image is pushed to a tag, not to a digest", ref),
			"write docker://%s:TAG", ref.Path)
	}
	return registry{}, nil
}

func (registry) blobs(context.Context, *layerSet, *meter) error { return nil }
func (registry) commit(context.Context, *baked, *meter) error   { return nil }
func (registry) close()                                         {}

// push is the export that ends in a registry.
func push(attributes map[string]string, o Options) client.ExportEntry {
	attributes[string(exptypes.OptKeyName)] = o.Output.Path + ":" + o.Output.Name
	attributes[string(exptypes.OptKeyPush)] = "true"
	attributes[string(exptypes.OptKeyStore)] = "false"
	if o.Insecure && o.Addr != "" { // else registryHosts knows
		attributes[string(exptypes.OptKeyInsecure)] = "true"
	}
	return client.ExportEntry{Type: client.ExporterImage, Attrs: attributes}
}

// registryHosts is how the BuildKit inside this program speaks to registries:
// over TLS, but as Docker does, on localhost also over plain HTTP and without
// verifying. The returned closers end the connections.
func registryHosts(insecure bool) (docker.RegistryHosts, closers) {
	strict := http.DefaultTransport.(*http.Transport).Clone()
	strict.ForceAttemptHTTP2 = false // its flow control slows uploads down (golang.org/issue/14077)
	strict.TLSNextProto = map[string]func(string, *tls.Conn) http.RoundTripper{}
	strict.MaxIdleConnsPerHost = 4
	lax := strict.Clone()
	lax.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	hosts := func(host string) ([]docker.RegistryHost, error) {
		client := &http.Client{Transport: strict}
		if local, _ := docker.MatchLocalhost(host); local || insecure {
			client.Transport = docker.NewHTTPFallback(lax)
		}
		return docker.ConfigureDefaultRegistries(docker.WithClient(client))(host)
	}
	return hosts, closers{idle{strict}, idle{lax}}
}

// idle ends the connections that a transport keeps.
type idle struct{ *http.Transport }

func (t idle) Close() error {
	t.CloseIdleConnections()
	return nil
}

// login answers for the registries that the user logged in to: with
// $DOCKER_CONFIG/config.json, else ~/.docker/config.json, and the credential
// helpers that it names. It is no error when there is none.
func login(o Options) (session.Attachable, error) {
	file, err := config.Load(config.Dir())
	if err != nil {
		return nil, artifact.Hint(fmt.Errorf("registry credentials: %w", err), "mend the file, or set DOCKER_CONFIG to another folder")
	}
	if !file.ContainsAuth() {
		file.CredentialsStore = credentials.DetectDefaultStore(file.CredentialsStore)
	}
	provider := authprovider.NewDockerAuthProvider(authprovider.DockerAuthProviderConfig{
		AuthConfigProvider: authprovider.LoadAuthConfig(file),
	})
	server, ok := provider.(auth.AuthServer)
	if !ok {
		return provider, nil
	}
	return &answers{server, o.Addr == ""}, nil
}

// answers are BuildKit's own but for one question: whether tokens should be
// fetched by the client, so that the daemon never sees a password. To prove who
// it is then, the client keeps a secret in the folder of the Docker configuration.
// That is for nothing when the daemon is this program, and must not fail where
// the folder cannot be written.
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
