package buildkit

import (
	"context"
	"fmt"

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
)

// registry is the output that BuildKit writes by itself.
type registry struct{}

func (registry) blobs(context.Context, *layerSet, *meter) error { return nil }
func (registry) commit(context.Context, *baked, *meter) error   { return nil }
func (registry) close()                                         {}

// push is the export that ends in a registry.
func push(attributes map[string]string, o Options) client.ExportEntry {
	attributes[string(exptypes.OptKeyName)] = o.Output.Path + ":" + o.Output.Name
	attributes[string(exptypes.OptKeyPush)] = "true"
	attributes[string(exptypes.OptKeyStore)] = "false"
	if o.Insecure {
		attributes[string(exptypes.OptKeyInsecure)] = "true"
	}
	return client.ExportEntry{Type: client.ExporterImage, Attrs: attributes}
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
