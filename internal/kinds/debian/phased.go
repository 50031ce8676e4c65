package debian

import "github.com/minimirror/minimirror/internal/artifact"

// phasedUse says what to do with versions that upstream offers to some machines first: Phased-Update-Percentage,
// apt_preferences(5).
type phasedUse string

const (
	phasedWait phasedUse = "wait"
	phasedTake phasedUse = "take" // at once
)

// parsePhased reads "wait" or "take", or nothing.
func parsePhased(section artifact.Section) (use phasedUse, err error) {
	if section == nil {
		return "", nil
	}
	if err = section.Decode(&use); err == nil && use != phasedWait && use != phasedTake {
		err = section.Errorf("phased: %q: write wait or take", use)
	}
	return use, err
}
