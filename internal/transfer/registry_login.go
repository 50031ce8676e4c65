package transfer

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/config/types"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A Login is a name and a password. Without a name, the secret is an identity token.
type Login struct{ User, Secret string }

func (l Login) userinfo() *url.Userinfo {
	if l.User == "" {
		return nil
	}
	return url.UserPassword(l.User, l.Secret)
}

// RegistryLogin finds what the user has logged in to a registry with, to read or to write, as containers-auth.json(5)
// and Docker's configuration have it. The zero value is: with nothing. repository may be empty.
func RegistryLogin(host, repository string) (Login, error) {
	for _, file := range registryLoginFiles() {
		f, err := artifact.OpenFile(file)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) && os.Getenv("REGISTRY_AUTH_FILE") == "" {
			continue
		}
		if err != nil {
			return Login{}, fmt.Errorf("registry credentials: %w", err)
		}
		parsed := configfile.New(file)
		err = errors.Join(parsed.LoadFromReader(f), f.Close())
		if err != nil {
			return Login{}, artifact.Hint(fmt.Errorf("registry credentials: %s: %w", file, err), "mend the file, or name another with REGISTRY_AUTH_FILE")
		}
		found, err := lookup(parsed, host, repository)
		if err != nil {
			return Login{}, artifact.Hint(fmt.Errorf("registry credentials: %s: %w", file, err), "log in again, or name another file with REGISTRY_AUTH_FILE")
		}
		switch {
		case found.IdentityToken != "":
			return Login{"", found.IdentityToken}, nil
		case found.Username != "":
			return Login{found.Username, found.Password}, nil
		}
	}
	return Login{}, nil
}

// RegistryHint says how to log in to a registry.
func RegistryHint(err error, host string) error {
	if isDockerHub(host) {
		host = "docker.io"
	}
	return artifact.Hint(err, "log in with \"docker login %s\" or \"skopeo login %s\", or name a file with credentials in REGISTRY_AUTH_FILE", host, host)
}

// registryLoginFiles are where credentials may be, in the order of containers-auth.json(5).
func registryLoginFiles() []string {
	if file := os.Getenv("REGISTRY_AUTH_FILE"); file != "" {
		return []string{file}
	}
	var files []string
	if dir := os.Getenv("XDG_RUNTIME_DIR"); dir != "" {
		files = append(files, filepath.Join(dir, "containers/auth.json"))
	} else {
		files = append(files, filepath.Join("/run/containers", strconv.Itoa(os.Getuid()), "auth.json"))
	}
	if dir, err := os.UserConfigDir(); err == nil {
		files = append(files, filepath.Join(dir, "containers/auth.json"))
	}
	docker := os.Getenv("DOCKER_CONFIG")
	if home, err := os.UserHomeDir(); docker == "" && err == nil {
		docker = filepath.Join(home, ".docker")
	}
	return append(files, filepath.Join(docker, "config.json"))
}

// lookup goes from the most special key to the host: HOST/SITE/NAME, HOST/SITE, HOST.
func lookup(file *configfile.ConfigFile, host, repository string) (types.AuthConfig, error) {
	keys := []string{host, "https://" + host, "http://" + host}
	names := []string{host}
	if isDockerHub(host) {
		keys = append([]string{"docker.io", "https://index.docker.io/v1/", "index.docker.io"}, keys...)
		names = append([]string{"docker.io"}, names...)
	}
	for _, name := range names {
		for key := name + "/" + repository; strings.Contains(key, "/"); key = key[:strings.LastIndex(key, "/")] {
			if a, found := file.AuthConfigs[key]; found && filled(a) {
				return a, nil
			}
		}
	}
	for _, key := range keys {
		if a, found := file.AuthConfigs[key]; found && filled(a) {
			return a, nil
		}
		if file.CredentialHelpers[key] != "" {
			return file.GetAuthConfig(key)
		}
	}
	if file.CredentialsStore != "" {
		if isDockerHub(host) {
			host = "https://index.docker.io/v1/"
		}
		return file.GetAuthConfig(host)
	}
	return types.AuthConfig{}, nil
}

func filled(a types.AuthConfig) bool { return a.Username != "" || a.IdentityToken != "" }

func isDockerHub(host string) bool {
	return host == "docker.io" || host == "index.docker.io" || host == "registry-1.docker.io"
}
