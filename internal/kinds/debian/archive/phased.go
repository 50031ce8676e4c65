package archive

import "github.com/minimirror/minimirror/internal/artifact"

// PhasedUse says what to do with versions that upstream offers to some machines first: Phased-Update-Percentage,
// apt_preferences(5).
type PhasedUse string

const (
	phasedWait PhasedUse = "wait"
	PhasedTake PhasedUse = "take" // at once
)

// ParsePhased reads "wait" or "take", or nothing.
func ParsePhased(section artifact.Section) (use PhasedUse, err error) {
	if section == nil {
		return "", nil
	}
	if err = section.Decode(&use); err == nil && use != phasedWait && use != PhasedTake {
		err = section.Errorf("phased: %q: write wait or take", use)
	}
	return use, err
}
