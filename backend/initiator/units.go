package initiator

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/bits"
)

// A Unit is a logical unit of a target.
type Unit struct {
	Number int
	Type   byte   // SPC, peripheral device type
	Size   uint64 // in bytes; of disks and CD-ROMs
}

// The types of units that have a size.
const (
	Disk = 0
	ROM  = 5
)

// The SCSI commands (SPC, SBC), with the sizes of their answers.
var (
	reportLUNs = [12]byte{0: 0xa0, 7: 1}
	inquiry    = [6]byte{0: 0x12, 4: 36}
	capacity16 = [16]byte{0: 0x9e, 1: 0x10, 13: 32}
	capacity10 = [10]byte{0: 0x25}
)

// Units returns all units of the target.
func (s *Session) Units() ([]Unit, error) {
	list, err := s.read(make([]byte, 8), 1<<16, reportLUNs[:])
	if err != nil {
		return nil, err
	}
	var all []Unit
	seen := map[int]bool{}
	for at := 8; at+8 <= len(list) && at < 8+int(binary.BigEndian.Uint32(list)); at += 8 {
		lun := list[at : at+8]
		who, err := s.read(lun, 36, inquiry[:])
		if err != nil {
			return nil, err
		}
		if len(who) < 1 || who[0]&0xe0 != 0 { // no unit is connected
			continue
		}
		u := Unit{Number: number(lun), Type: who[0] & 0x1f}
		if seen[u.Number] {
			return nil, fmt.Errorf("the target has LUN %d twice", u.Number)
		}
		seen[u.Number] = true
		if u.Type == Disk || u.Type == ROM {
			if u.Size, err = s.size(lun); err != nil {
				return nil, fmt.Errorf("unit %d: %w", u.Number, err)
			}
		}
		all = append(all, u)
	}
	return all, nil
}

// number returns a unit's number, in one of the two simple addressing methods (SAM-5, 4.7).
func number(lun []byte) int {
	if lun[0]>>6 == 1 { // flat space
		return int(binary.BigEndian.Uint16(lun) & 0x3fff)
	}
	return int(binary.BigEndian.Uint16(lun))
}

// size returns a unit's size in bytes. Commands return the address of the last block, which is one less than
// the number of blocks; libvirt uses that address as the number of blocks.
func (s *Session) size(lun []byte) (uint64, error) {
	data, err := s.read(lun, 32, capacity16[:])
	if err == nil && len(data) >= 12 {
		return product(binary.BigEndian.Uint64(data), binary.BigEndian.Uint32(data[8:]))
	}
	if _, ok := errors.AsType[*commandError](err); err != nil && !ok {
		return 0, err
	}
	data, err = s.read(lun, 8, capacity10[:]) // for CD-ROMs
	switch {
	case err != nil:
		return 0, err
	case len(data) < 8:
		return 0, fmt.Errorf("its capacity answer has %d bytes", len(data))
	case binary.BigEndian.Uint32(data) == math.MaxUint32: // SBC-4, 5.15: the size does not fit
		return 0, errors.New("it is larger than it can report")
	}
	return product(uint64(binary.BigEndian.Uint32(data)), binary.BigEndian.Uint32(data[4:]))
}

// product returns the size in bytes of all blocks up to the last one.
func product(last uint64, length uint32) (uint64, error) {
	blocks, carry := bits.Add64(last, 1, 0)
	high, size := bits.Mul64(blocks, uint64(length))
	switch {
	case length == 0:
		return 0, errors.New("its block size is 0")
	case carry != 0 || high != 0:
		return 0, errors.New("its size overflows")
	}
	return size, nil
}

// attempts is the number of attempts at a command. A unit's first answer may be a unit attention.
const attempts = 5

// read runs a SCSI command that returns at most length bytes.
func (s *Session) read(lun []byte, length int, cdb []byte) (data []byte, err error) {
	for range attempts {
		data, err = s.tryRead(lun, length, cdb)
		if failed, ok := errors.AsType[*commandError](err); !ok || failed.key != unitAttention {
			break
		}
	}
	return data, err
}

func (s *Session) tryRead(lun []byte, length int, cdb []byte) ([]byte, error) {
	out := s.command(opCommand, final|0x40|1) // a read; a simple task
	copy(out.head[8:16], lun)
	binary.BigEndian.PutUint32(out.head[20:], uint32(length))
	copy(out.head[32:48], cdb)
	s.commandNumber++
	if err := s.send(out); err != nil {
		return nil, err
	}
	data, last, err := s.collect(binary.BigEndian.Uint32(out.head[16:]), length)
	if err != nil {
		return nil, err
	}
	return data, last.checkStatus(cdb[0])
}

// collect returns the data of a command's answer, and its last message.
func (s *Session) collect(task uint32, length int) (data []byte, last *message, err error) {
	for {
		in, err := s.receive()
		if err != nil {
			return nil, nil, err
		}
		if in.op() != opDataIn {
			return data, in, in.checkAnswers(opResponse, task)
		}
		if err := in.checkAnswers(opDataIn, task); err != nil {
			return nil, nil, err
		}
		if data = append(data, in.data...); len(data) > length {
			return nil, nil, fmt.Errorf("the target sent %d bytes, more than requested", len(data))
		}
		if in.head[1]&1 != 0 { // the message has the status
			return data, in, nil
		}
	}
}

// A commandError is a unit's refusal of a command.
type commandError struct{ command, response, status, key byte }

const unitAttention = 6 // SPC, sense key

func (e *commandError) Error() string {
	const text = "the command %#x fails with response %#x, status %#x, sense key %#x"
	return fmt.Sprintf(text, e.command, e.response, e.status, e.key)
}

// checkStatus returns a commandError unless the last message of a command reports success.
func (m *message) checkStatus(command byte) error {
	e := &commandError{command: command, status: m.head[3]}
	if m.op() == opResponse {
		e.response = m.head[2]
		if len(m.data) > 4 {
			e.key = m.data[4] & 0xf
		}
	}
	if e.response == 0 && e.status == 0 {
		return nil
	}
	return e
}
