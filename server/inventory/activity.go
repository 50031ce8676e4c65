package inventory

import (
	"slices"

	"github.com/minimirror/minimirror/internal/artifact"
	"github.com/minimirror/minimirror/internal/audit"
)

// An ItemActivity is what clients have asked for of an item since the start of the server.
type ItemActivity struct {
	Artifact     string `json:"artifact"` // ID
	Version      string `json:"version"`
	Architecture string `json:"architecture"`
	audit.Activity
}

// Activity tells who has asked for each item of a name or of what an alias stands for, with the clients' addresses: it is for operators. It is empty if
// the mirror carries no such item.
func (v *Inventory) Activity(kind, name string) []ItemActivity {
	c := v.Image.Catalog
	names := []string{name}
	for i := range c.Aliases {
		if a := &c.Aliases[i]; a.Kind == kind && a.Name == name {
			names = append(names, a.Of...)
		}
	}
	var items []*artifact.Item
	var ids []string
	for i := range c.Items {
		if item := &c.Items[i]; item.Kind == kind && slices.Contains(names, item.Name) {
			items, ids = append(items, item), append(ids, item.ID())
		}
	}
	all := []ItemActivity{}
	for i, activity := range v.Activities(ids) {
		all = append(all, ItemActivity{ids[i], items[i].Version, items[i].Architecture(), activity})
	}
	return all
}

// addActivity adds to what is known of items how often, and by how many clients, they were asked for.
func (v *Inventory) addActivity(list []Carried) {
	ids := make([]string, len(list))
	for i := range list {
		ids[i] = list[i].ID()
	}
	for i, activity := range v.Activities(ids) {
		list[i].Activity = activity.Anonymous()
	}
}
