package registry

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/docker/cli/cli/config/configfile"
	"github.com/docker/cli/cli/config/types"

	"github.com/minimirror/minimirror/internal/artifact"
)

// credentials finds what the user has logged in with, as containers-auth.json(5) and
// Docker's configuration have it. Each file is read when a registry asks for the first time.
type credentials struct {
	repository string // HOST/NAME
}

// of returns the name and the secret for a host; without a name, the secret is an identity
// token. It is no error when there are none.
func (c credentials) of(host string) (name, secret string, err error) {
	for _, file := range c.files() {
		f, err := artifact.OpenFile(file)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) && os.Getenv("REGISTRY_AUTH_FILE") == "" {
			continue
		}
		if err != nil {
			return "", "", fmt.Errorf("registry credentials: %w", err)
		}
		parsed := configfile.New(file)
		err = errors.Join(parsed.LoadFromReader(f), f.Close())
		if err != nil {
			return "", "", artifact.Hint(fmt.Errorf("registry credentials: %s: %w", file, err), "mend the file, or name another with REGISTRY_AUTH_FILE")
		}
		found, err := c.lookup(parsed, host)
		if err != nil {
			return "", "", artifact.Hint(fmt.Errorf("registry credentials: %s: %w", file, err), "log in again, or name another file with REGISTRY_AUTH_FILE")
		}
		switch {
		case found.IdentityToken != "":
			return "", found.IdentityToken, nil
		case found.Username != "":
			return found.Username, found.Password, nil
		}
	}
	return "", "", nil
}

// files are where credentials may be, in the order of containers-auth.json(5).
func (c credentials) files() []string {
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
func (c credentials) lookup(file *configfile.ConfigFile, host string) (types.AuthConfig, error) {
	keys := []string{host, "https://" + host, "http://" + host}
	if own, _, _ := strings.Cut(c.repository, "/"); own == host || isDockerHub(own) && isDockerHub(host) {
		for key := c.repository; strings.Contains(key, "/"); key = key[:strings.LastIndex(key, "/")] {
			if a, found := file.AuthConfigs[key]; found && filled(a) {
				return a, nil
			}
		}
	}
	if isDockerHub(host) {
		keys = append([]string{"docker.io", "https://index.docker.io/v1/", "index.docker.io"}, keys...)
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
