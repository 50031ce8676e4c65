package kit

import (
	"path"
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
)

// A part is the kit for some of its clients, in a folder of their own.
type part struct {
	Kit
	folder    string
	templates []string // that the folder has
}

// parts are the parts of the kit for clients: one for every machine, with one script for all systems; one for each system, for machines
// that are not installed yet; and one for each program.
func (k *Kit) parts() (parts []part) {
	add := func(folder string, systems []artifact.System, templates []string, has func(c artifact.Client) bool) {
		p := part{*k, folder, templates}
		p.Systems, p.Clients = systems, nil
		for _, c := range k.Clients {
			if has(c) {
				p.Clients = append(p.Clients, c)
			}
		}
		if len(p.Clients) > 0 {
			parts = append(parts, p)
		}
	}
	add("client", k.Systems, []string{"ansible-tasks.yaml", "setup.sh"}, func(c artifact.Client) bool { return c.Program == "" })
	for _, system := range k.systems() {
		add(clientFolder(system), nil, []string{"cloud-init.yaml"}, func(c artifact.Client) bool {
			return c.Program == "" && (c.System == "" || c.System == system)
		})
	}
	for _, one := range k.Clients {
		folder := path.Join(clientFolder(one.System), programFolder(one.Program))
		if one.Program == "" || slices.ContainsFunc(parts, func(p part) bool { return p.folder == folder }) {
			continue
		}
		add(folder, nil, []string{"ansible-tasks.yaml", "setup.sh", "cloud-init.yaml"}, func(c artifact.Client) bool {
			return c.Program == one.Program && c.System == one.System
		})
		for i := range parts[len(parts)-1].Clients {
			parts[len(parts)-1].Clients[i].System = "" // whoever takes it from its folder has chosen
		}
	}
	return parts
}

// clientFolder is the folder for clients of one system. Whatever the system is called, its name is unique there.
func clientFolder(system string) string {
	if system == "" {
		return "client"
	}
	return path.Join("client/systems", system)
}

// programFolder has, below that, what is for machines that have a program.
func programFolder(program string) string {
	if program == "" {
		return ""
	}
	return path.Join("programs", program)
}

// systems are the names of Systems; one that is empty stands for none.
func (k *Kit) systems() []string {
	if len(k.Systems) == 0 {
		return []string{""}
	}
	names := make([]string, len(k.Systems))
	for i, s := range k.Systems {
		names[i] = s.Name
	}
	return names
}

// Common are the clients that every machine becomes, whatever programs it has.
func (k *Kit) Common() []artifact.Client {
	return slices.DeleteFunc(slices.Clone(k.Clients), func(c artifact.Client) bool { return c.Program != "" })
}

// Programs reports whether there are clients that have a program.
func (k *Kit) Programs() bool { return len(k.Common()) < len(k.Clients) }

// ProgramFolders are the folders of the kit for such clients, sorted.
func (k *Kit) ProgramFolders() (folders []string) {
	for _, c := range k.Clients {
		if c.Program != "" {
			folders = append(folders, path.Join(clientFolder(c.System), programFolder(c.Program)))
		}
	}
	slices.Sort(folders)
	return slices.Compact(folders)
}

// CommonNotes say what remains to be done on every client, each once.
func (k *Kit) CommonNotes() []string { return notes(k.Common()) }

// Notes say what remains to be done on a client, each once.
func (k *Kit) Notes() []string { return notes(k.Clients) }

func notes(clients []artifact.Client) (notes []string) {
	for _, c := range clients {
		if c.Note != "" && !slices.Contains(notes, c.Note) {
			notes = append(notes, c.Note)
		}
	}
	return notes
}

// SharedFiles reports whether there are files that a machine's owner may have, too.
func (k *Kit) SharedFiles() bool {
	return slices.ContainsFunc(k.Clients, func(c artifact.Client) bool {
		return slices.ContainsFunc(c.Files, func(f artifact.ClientFile) bool { return f.Shared })
	})
}

// Folders are those of a client's files, each once.
func Folders(c artifact.Client) (folders []string) {
	for _, f := range c.Files {
		if folder := f.Folder(); !slices.Contains(folders, folder) {
			folders = append(folders, folder)
		}
	}
	return folders
}
