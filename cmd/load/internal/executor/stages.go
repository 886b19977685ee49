package executor

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Stage is a stretch of time over which a number of users or a rate goes in a straight line to its target. A
// stage without duration is a jump.
type Stage struct {
	Duration Duration `json:"duration"`
	Target   int      `json:"target"`
}

// UnmarshalJSON implements json.Unmarshaler. Both members are needed.
func (s *Stage) UnmarshalJSON(data []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return fmt.Errorf("a stage is not {duration, target}: %w", err)
	}
	if err := checkKeys("a stage", members, []string{"duration", "target"}, []string{"duration", "target"}); err != nil {
		return err
	}
	return errors.Join(
		decodeMember(members, "duration", &s.Duration),
		decodeMember(members, "target", &s.Target),
	)
}

func checkStages(stages []Stage) []error {
	if len(stages) == 0 {
		return []error{errors.New("stages is empty, there must be at least one")}
	}
	var errs []error
	for i, s := range stages {
		if s.Duration < 0 {
			errs = append(errs, fmt.Errorf("stage %d has the duration %s, it can't be negative", i+1, s.Duration))
		}
		if s.Target < 0 {
			errs = append(errs, fmt.Errorf("stage %d has the target %d, it can't be negative", i+1, s.Target))
		}
	}
	if lengthOf(stages) <= 0 && len(errs) == 0 {
		errs = append(errs, errors.New("the stages have no duration at all"))
	}
	return errs
}

func lengthOf(stages []Stage) time.Duration {
	var total time.Duration
	for _, s := range stages {
		total += time.Duration(s.Duration)
	}
	return total
}

func peakOf(start int, stages []Stage) int {
	for _, s := range stages {
		start = max(start, s.Target)
	}
	return start
}

func scaledStages(stages []Stage, factor float64) []Stage {
	scaled := make([]Stage, len(stages))
	for i, s := range stages {
		scaled[i] = Stage{Duration: s.Duration.scaled(factor), Target: s.Target}
	}
	return scaled
}
