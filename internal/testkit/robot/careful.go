package robot

import (
	"errors"
	"time"
)

// The careful robot works in rounds. In each round it tries everything that is still to do. What failed temporarily is
// tried again after a pause; what was refused permanently isn't.

// task is a piece of work at a list of doors.
type task struct {
	doors []int // in the order in which to try them
	// do works at one door. progress says that something was done, even in a failed attempt.
	do   func(door int) (progress bool, err error)
	done bool
	err  error // why it failed permanently
}

// How many rounds without progress a robot tries.
const (
	roundsLater = 4 // the server said "later"
	roundsLost  = 2 // the robot can't reach the server, or the connection breaks
)

// rounds works on tasks until all are done or hopeless.
func (r *robot) rounds(tasks []*task) error {
	unfitDoors := map[int]bool{} // that never work
	pause := r.Patience.Pause
	for fruitless := 1; ; fruitless++ {
		down := map[int]bool{} // that failed in this round
		progressed, open, patient := false, 0, false
		for _, t := range tasks {
			if t.done {
				continue
			}
			if r.Known != nil {
				t.doors = t.doors[:1]
			}
			progress, err := t.try(unfitDoors, down)
			progressed = progressed || progress
			t.err = err
			switch {
			case err == nil, fateOf(err) == never, fateOf(err) == unfit:
				t.done = true
			default:
				open++
				patient = patient || fateOf(err) == later
			}
		}
		if progressed {
			fruitless, pause = 0, r.Patience.Pause
		}
		most := roundsLost
		if patient {
			most = roundsLater
		}
		if r.Known != nil || open == 0 || fruitless >= most || !r.sleep(pause) {
			break
		}
		pause *= 2
		pause = min(pause, 4*time.Second)
	}
	var errs []error
	for _, t := range tasks {
		errs = append(errs, t.err)
	}
	return errors.Join(errs...)
}

// try works at one door after the other until one serves.
func (t *task) try(unfitDoors, down map[int]bool) (progress bool, err error) {
	err = fail(unfit, "no door serves")
	for _, door := range t.doors {
		if unfitDoors[door] || down[door] {
			if down[door] {
				err = fail(lost, "no door can be reached")
			}
			continue
		}
		p, e := t.do(door)
		progress = progress || p
		var x *trouble
		switch {
		case e == nil:
			return progress, nil
		case fateOf(e) == unfit:
			unfitDoors[door] = true
			if fateOf(err) == unfit {
				err = e
			}
			continue
		case errors.As(e, &x) && !x.in && fateOf(e) != never:
			down[door] = true // another door may work
			err = e
			continue
		}
		return progress, e
	}
	return progress, err
}
