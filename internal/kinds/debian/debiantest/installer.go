package debiantest

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"

	"github.com/minimirror/minimirror/internal/kinds/debian/deb822"
)

// addInstaller adds images of an installer, and returns the lists of their digests.
func (t *Tree) addInstaller(s *Suite) (map[string][]byte, error) {
	all := map[string][]byte{}
	for _, architecture := range s.architectures() {
		folder := path.Join("main/installer-"+architecture, "current/images")
		images, err := s.images(architecture)
		if err != nil {
			return nil, err
		}
		list := ""
		for _, name := range sortedKeys(images) {
			t.add(path.Join(s.folder(), folder, name), images[name], s.date())
			list += fmt.Sprintf("%s  ./%s\n", SHA256(images[name]), name)
		}
		all[path.Join(folder, "SHA256SUMS")] = []byte(list)
	}
	return all, nil
}

// images are the installer's images by their paths: made-up ones, or those in the folder Images.
func (s *Suite) images(architecture string) (map[string][]byte, error) {
	images := map[string][]byte{}
	if s.Images == "" {
		for _, name := range []string{"cdrom/initrd.gz", "cdrom/vmlinuz", "netboot/debian-installer/" + architecture + "/initrd.gz", "netboot/debian-installer/" + architecture + "/linux", "MANIFEST"} {
			images[name] = []byte("image " + name + " of " + s.Name + "\n")
		}
		return images, nil
	}
	folder := os.DirFS(s.Images)
	return images, fs.WalkDir(folder, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		images[name], err = fs.ReadFile(folder, name)
		return err
	})
}

// udebIndices are the indices of the installer's packages, if the suite has any.
func (s *Suite) udebIndices(stanzas map[*Package]string) map[string][]byte {
	all := map[string][]byte{}
	if len(s.Udebs) == 0 {
		return all
	}
	for _, component := range s.components() {
		for _, architecture := range s.architectures() {
			text := ""
			for _, p := range s.Udebs {
				if p.component() == component && slices.Contains([]string{"all", architecture}, p.architecture()) {
					text += stanzas[p] + "\n"
				}
			}
			name := deb822.UdebIndex(component, architecture)
			if all[name] = []byte(text); s.EditIndex != nil {
				all[name] = s.EditIndex(name, all[name])
			}
		}
	}
	return all
}
