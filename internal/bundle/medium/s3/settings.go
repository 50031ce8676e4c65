package s3

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/minio/minio-go/v7/pkg/credentials"
	"gopkg.in/ini.v1"

	"github.com/minimirror/minimirror/internal/artifact"
)

// amazon is the endpoint when nothing names another.
const amazon = "https://s3.amazonaws.com"

// settings are what the options, the environment and the files of the AWS programs say together.
type settings struct {
	endpoint, region, addressing string
	keys                         keys
}

// keys are the credentials, and where they are from, for messages.
type keys struct {
	credentials *credentials.Credentials
	from        string
}

// readSettings reads the usual places in the usual order: options, environment, then the profile that AWS_PROFILE names, or "default", of
// ~/.aws/config and ~/.aws/credentials. The metadata service of a machine is not asked.
func readSettings(o Options) (settings, error) {
	profile := cmp.Or(os.Getenv("AWS_PROFILE"), "default")
	section, files, err := readProfile(profile)
	if err != nil {
		return settings{}, err
	}
	s := settings{
		endpoint:   cmp.Or(o.Endpoint, os.Getenv("AWS_ENDPOINT_URL_S3"), os.Getenv("AWS_ENDPOINT_URL"), section["endpoint_url"], amazon),
		region:     cmp.Or(o.Region, os.Getenv("AWS_REGION"), os.Getenv("AWS_DEFAULT_REGION"), section["region"]),
		addressing: o.Addressing,
	}
	s.keys, err = readKeys(profile, section, files)
	return s, err
}

// readKeys finds the credentials.
func readKeys(profile string, section map[string]string, files []string) (keys, error) {
	id, secret := os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY")
	switch {
	case id != "" && secret != "":
		return keys{credentials.NewStaticV4(id, secret, os.Getenv("AWS_SESSION_TOKEN")), "AWS_ACCESS_KEY_ID"}, nil
	case id != "":
		return keys{}, artifact.Usagef("AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not")
	case secret != "":
		return keys{}, artifact.Usagef("AWS_SECRET_ACCESS_KEY is set, and AWS_ACCESS_KEY_ID is not")
	}
	from := fmt.Sprintf("the profile %q in %s", profile, strings.Join(files, " and "))
	switch {
	case section["aws_access_key_id"] != "" && section["aws_secret_access_key"] != "":
		return keys{credentials.NewStaticV4(section["aws_access_key_id"], section["aws_secret_access_key"], section["aws_session_token"]), from}, nil
	case section["credential_process"] != "" || section["sso_role_name"] != "":
		return keys{credentials.New(&credentials.FileAWSCredentials{Profile: profile}), from}, nil
	case section != nil:
		return keys{}, artifact.Hint(artifact.Usagef("%s has no credentials", from), "%s", credentialsHint)
	case os.Getenv("AWS_PROFILE") != "":
		return keys{}, artifact.Hint(artifact.Usagef("there is no profile %q (AWS_PROFILE) in ~/.aws/credentials or ~/.aws/config", profile), "%s", credentialsHint)
	}
	return keys{}, artifact.Hint(artifact.Usagef("there are no credentials for the S3 store"), "%s", credentialsHint)
}

const credentialsHint = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write them into ~/.aws/credentials as aws_access_key_id and aws_secret_access_key"

// readProfile reads a profile of the AWS programs' files: what ~/.aws/credentials says counts before ~/.aws/config. nil: there is no such profile.
func readProfile(profile string) (section map[string]string, files []string, err error) {
	home, err := os.UserHomeDir()
	if err != nil {
		home = "/nonexistent"
	}
	for _, place := range []struct{ variable, name, section string }{
		{"AWS_CONFIG_FILE", "config", "profile " + profile},
		{"AWS_SHARED_CREDENTIALS_FILE", "credentials", profile},
	} {
		named := os.Getenv(place.variable)
		file := cmp.Or(named, filepath.Join(home, ".aws", place.name))
		data, err := artifact.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) && named == "" {
			continue
		} else if err != nil {
			return nil, nil, fmt.Errorf("credentials: %w", err)
		}
		parsed, err := ini.LoadSources(ini.LoadOptions{AllowNestedValues: true, Loose: true}, data)
		if err != nil {
			return nil, nil, fmt.Errorf("credentials: %s: %w", file, err)
		}
		name := place.section
		if profile == "default" {
			name = profile
		}
		found, err := parsed.GetSection(name)
		if err != nil {
			continue // no such section
		}
		if section == nil {
			section = make(map[string]string)
		}
		for _, key := range found.Keys() {
			section[key.Name()] = key.String()
		}
		files = append(files, file)
	}
	return section, files, nil
}
