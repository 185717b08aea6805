package proctree

import (
	"context"
	"fmt"
	"os/exec"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// system is what a Tree needs to know on Windows: the job object that holds the command and what it starts.
type system struct {
	mu    sync.Mutex
	job   windows.Handle
	group uint32 // the command's process group; 0 if it shares ours
	own   bool
}

func (s *system) prepare(cmd *exec.Cmd, o Options) error {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return fmt.Errorf("make a job object: %w", err)
	}
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{}
	limits.BasicLimitInformation.LimitFlags = windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE
	if _, err := windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation, uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits))); err != nil {
		_ = windows.CloseHandle(job)
		return fmt.Errorf("set up a job object: %w", err)
	}
	s.job, s.own = job, o.Session
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if o.Session {
		cmd.SysProcAttr.CreationFlags = windows.CREATE_NEW_PROCESS_GROUP
	}
	return nil
}

func (s *system) holdThread() (release func()) { return func() {} }

// begun puts the command into the job. What it starts from then on is in the job too.
func (s *system) begun(cmd *exec.Cmd) error {
	const access = windows.PROCESS_SET_QUOTA | windows.PROCESS_TERMINATE
	h, err := windows.OpenProcess(access, false, uint32(cmd.Process.Pid))
	if err != nil {
		return nil // it has ended already
	}
	defer windows.CloseHandle(h)
	if s.own {
		s.group = uint32(cmd.Process.Pid)
	}
	if err := windows.AssignProcessToJobObject(s.job, h); err != nil && cmd.Process.Signal(syscall.Signal(0)) == nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return fmt.Errorf("put the command into a job object: %w", err)
	}
	return nil
}

// over closes the job. The system then ends whatever is still in it.
func (s *system) over() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.job != 0 {
		_ = windows.CloseHandle(s.job)
		s.job = 0
	}
}

// members lists the job's processes that run.
func (s *system) members() (list []Process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.job == 0 {
		return nil
	}
	// JOBOBJECT_BASIC_PROCESS_ID_LIST
	var ids struct {
		assigned, listed uint32
		pids             [1024]uintptr
	}
	if err := windows.QueryInformationJobObject(s.job, windows.JobObjectBasicProcessIdList, uintptr(unsafe.Pointer(&ids)), uint32(unsafe.Sizeof(ids)), nil); err != nil && ids.listed == 0 {
		return nil
	}
	for _, pid := range ids.pids[:min(int(ids.listed), len(ids.pids))] {
		list = append(list, Process{int(pid), "process"})
	}
	return list
}

// signal sends Ctrl-Break to the command's group, or ends the whole job.
func (s *system) signal(list []Process, kill bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.job == 0 || len(list) == 0:
	case kill:
		_ = windows.TerminateJobObject(s.job, 1)
	case s.group != 0:
		_ = windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, s.group)
	}
}

// EndAll does nothing here: the job objects have ended everything.
func EndAll(time.Duration) (ended, left []Process) { return nil, nil }

// Reap does nothing here but wait: there are no zombies.
func Reap(ctx context.Context) { <-ctx.Done() }
