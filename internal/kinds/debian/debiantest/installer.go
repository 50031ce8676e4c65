package debiantest

import (
	"fmt"
	"path"
)

// addInstaller adds images of an installer, and returns the lists of their digests.
func (t *Tree) addInstaller(s *Suite) map[string][]byte {
	all := map[string][]byte{}
	for _, architecture := range s.architectures() {
		folder := path.Join("main/installer-"+architecture, "current/images")
		list := ""
		for _, name := range []string{"cdrom/initrd.gz", "cdrom/vmlinuz", "netboot/debian-installer/" + architecture + "/initrd.gz", "netboot/debian-installer/" + architecture + "/linux", "MANIFEST"} {
			data := []byte("image " + name + " of " + s.Name + "\n")
			t.add(path.Join(s.folder(), folder, name), data, s.date())
			list += fmt.Sprintf("%s  ./%s\n", SHA256(data), name)
		}
		all[path.Join(folder, "SHA256SUMS")] = []byte(list)
	}
	return all
}
