package debiantest

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// about returns the indices that say more about packages: Translation, Contents, Commands and AppStream files.
func (s *Suite) about() map[string][]byte {
	all := map[string][]byte{}
	for _, component := range s.components() {
		for _, language := range s.Languages {
			var b strings.Builder
			for _, p := range s.Packages {
				if p.component() == component {
					fmt.Fprintf(&b, "Package: %s\nDescription-md5: %s\nDescription-%s: %s in %s\n The whole text\n .\n of %s.\n\n", p.Name, p.descriptionMD5(), language, p.Name, language, p.version())
				}
			}
			all[path.Join(component, "i18n/Translation-"+language)] = []byte(b.String())
		}
		for _, architecture := range s.architectures() {
			if s.Contents {
				all[path.Join(component, "Contents-"+architecture)] = []byte(s.contents(component, architecture))
			}
			commands := fmt.Sprintf("suite: %s\ncomponent: %s\narch: %s\n\n", s.Name, component, architecture)
			apps := fmt.Sprintf("---\nFile: DEP-11\nVersion: '0.12'\nOrigin: test-%s-%s\n", s.Name, component)
			for _, p := range s.Packages {
				if p.component() == component && (p.architecture() == "all" || p.architecture() == architecture) {
					commands += fmt.Sprintf("name: %s\nversion: %s\ncommands: %[1]s,%[1]sctl\n\n", p.Name, p.version())
					apps += fmt.Sprintf("---\nType: desktop-application\nID: org.example.%s\nPackage: %[1]s\nName:\n  C: The %[1]s\nIcon:\n  cached:\n  - name: %[1]s.png\n", p.Name)
				}
			}
			if s.Commands {
				all[path.Join(component, "cnf/Commands-"+architecture)] = []byte(commands)
			}
			if s.AppStream {
				all[path.Join(component, "dep11/Components-"+architecture+".yml")] = []byte(apps)
			}
		}
	}
	return all
}

// contents lists files with the packages that have them.
func (s *Suite) contents(component, architecture string) string {
	packages := map[string][]string{}
	for _, p := range s.Packages {
		if p.component() != component || p.architecture() != "all" && p.architecture() != architecture {
			continue
		}
		for name := range p.contents() {
			if !strings.HasSuffix(name, "/") {
				packages[name] = append(packages[name], "utils/"+p.Name)
			}
		}
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(packages)) {
		fmt.Fprintf(&b, "%-55s %s\n", name, strings.Join(packages[name], ","))
	}
	return b.String()
}

// descriptionMD5 is that of the description that control writes, as apt computes it.
func (p *Package) descriptionMD5() string {
	description := p.field("Description")
	if description == "" {
		description = p.Name + " of a test"
	}
	return sum("MD5Sum", []byte(description+"\n"))
}
