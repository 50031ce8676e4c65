package registry

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/image/layout"
	"github.com/minimirror/minimirror/internal/paging"
	"github.com/minimirror/minimirror/internal/transfer"
)

const (
	pageSize = 1000      // names; more than a registry allows may be an error there
	maxPage  = 32 << 20  // bytes
	maxNames = 3_000_000 // in one list
)

// Repositories lists the names of all repositories, sorted: "_catalog" of Docker's registry API, which the OCI specification leaves to the
// registries. Names that are not valid are refused: artifact.ErrVerify.
func (h *Host) Repositories(ctx context.Context) ([]string, error) {
	names, err := h.list(ctx, "/_catalog", func(data []byte) ([]string, error) {
		var page struct {
			Repositories *[]string `json:"repositories"`
		}
		return paging.Names(data, &page, &page.Repositories)
	}, func(name string) bool { return layout.RepositoryName.MatchString(name) })
	if errors.Is(err, fs.ErrNotExist) {
		err = artifact.Hint(fmt.Errorf("registry %s does not list its repositories: %s", h.name, err), "name the images: docker://%s/NAME:TAG", h.name)
	}
	return names, err
}

// validTag is the form of a tag: OCI distribution specification 1.1, "Pulling manifests".
var validTag = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`)

// ValidTag reports whether text has the form of a tag.
func ValidTag(text string) bool { return validTag.MatchString(text) }

// Tags lists all tags of the repository, sorted: "Listing Tags". A repository that does not exist is fs.ErrNotExist.
func (r *Repository) Tags(ctx context.Context) ([]string, error) {
	return r.host.list(ctx, "/"+r.name+"/tags/list", func(data []byte) ([]string, error) {
		var page struct {
			Name string    `json:"name"`
			Tags *[]string `json:"tags"`
		}
		names, err := paging.Names(data, &page, &page.Tags)
		if err != nil && page.Name != "" && page.Tags == nil {
			return nil, nil // some registries send "tags": null if there are none
		}
		return names, err
	}, validTag.MatchString)
}

// list reads all names of a list, each once.
func (h *Host) list(ctx context.Context, path string, names func(data []byte) ([]string, error), valid func(string) bool) (all []string, err error) {
	err = h.pages(ctx, path, nil, func(first bool, data []byte, _ http.Header) (more bool, err error) {
		if first {
			all = nil
		}
		page, err := names(data)
		if err != nil {
			return false, err
		}
		if len(all)+len(page) > maxNames {
			return false, artifact.Verifyf("the list has more than %d names", maxNames)
		}
		for _, name := range page {
			if !valid(name) {
				return false, artifact.Verifyf("the list has %q, which is not a valid name", artifact.Printable(name[:min(len(name), 200)]))
			}
			more = more || !slices.Contains(all[max(0, len(all)-pageSize):], name)
		}
		all = append(all, page...)
		return more, nil
	})
	slices.Sort(all)
	return slices.Compact(all), err
}

// pages reads a list page by page, from the first address that has it.
func (h *Host) pages(ctx context.Context, path string, header http.Header, page func(first bool, data []byte, header http.Header) (more bool, err error)) error {
	var failures []error
	for _, address := range h.lists(path, header) {
		first := true
		get := func(next string) ([]byte, http.Header, error) {
			at := address
			at.URL = next
			data, header, _, err := h.client.Bytes(ctx, transfer.Download{Addresses: []transfer.Address{at}, Size: -1}, maxPage, nil)
			if err != nil && !first {
				err = fmt.Errorf("the registry lacks a page of the list: %w", transfer.Present(err))
			}
			return data, header, err
		}
		err := paging.Each(withPageSize(address.URL), get, func(data []byte, header http.Header) (bool, error) {
			was := first
			first = false
			return page(was, data, header)
		})
		if err == nil {
			return nil
		}
		failures = append(failures, err)
	}
	if len(failures) == 1 {
		return failures[0]
	}
	return transfer.Joined(failures)
}

func withPageSize(address string) string {
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	return fmt.Sprintf("%s%sn=%d", address, separator, pageSize)
}
