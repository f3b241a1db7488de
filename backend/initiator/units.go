package initiator

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
)

// A Unit is a logical unit of a target.
type Unit struct {
	Number int
	Type   byte   // SPC, peripheral device type
	Size   uint64 // bytes, of disks and CD-ROMs
}

// The types that have a size.
const (
	Disk = 0
	ROM  = 5
)

// The commands (SPC, SBC): what they are, and how much they may return.
var (
	reportLUNs = [12]byte{0: 0xa0, 7: 1}
	inquiry    = [6]byte{0: 0x12, 4: 36}
	capacity16 = [16]byte{0: 0x9e, 1: 0x10, 13: 32}
	capacity10 = [10]byte{0: 0x25}
)

// Units asks for all units of the target.
func (s *Session) Units() ([]Unit, error) {
	list, err := s.read(make([]byte, 8), 1<<16, reportLUNs[:])
	if err != nil {
		return nil, err
	}
	var all []Unit
	for at := 8; at+8 <= len(list) && at < 8+int(binary.BigEndian.Uint32(list)); at += 8 {
		lun := list[at : at+8]
		who, err := s.read(lun, 36, inquiry[:])
		if err != nil {
			return nil, err
		}
		if len(who) < 1 || who[0]&0xe0 != 0 { // nothing is connected there
			continue
		}
		u := Unit{Number: number(lun), Type: who[0] & 0x1f}
		if u.Type == Disk || u.Type == ROM {
			if u.Size, err = s.size(lun); err != nil {
				return nil, fmt.Errorf("unit %d: %w", u.Number, err)
			}
		}
		all = append(all, u)
	}
	return all, nil
}

// number is that of a unit in the two simple methods of addressing (SAM-5, 4.7).
func number(lun []byte) int {
	if lun[0]>>6 == 1 { // flat space
		return int(binary.BigEndian.Uint16(lun) & 0x3fff)
	}
	return int(binary.BigEndian.Uint16(lun))
}

// size counts blocks from the last one's address, which is one less: what libvirt takes for their number.
func (s *Session) size(lun []byte) (uint64, error) {
	data, err := s.read(lun, 32, capacity16[:])
	if err == nil && len(data) >= 12 {
		high, size := bits.Mul64(binary.BigEndian.Uint64(data)+1, uint64(binary.BigEndian.Uint32(data[8:])))
		if high != 0 {
			err = errors.New("it is larger than can be counted")
		}
		return size, err
	}
	data, err = s.read(lun, 8, capacity10[:]) // which CD-ROMs have
	if err == nil && len(data) < 8 {
		err = fmt.Errorf("it tells its size in %d bytes", len(data))
	}
	if err != nil {
		return 0, err
	}
	return (uint64(binary.BigEndian.Uint32(data)) + 1) * uint64(binary.BigEndian.Uint32(data[4:])), nil
}

// attempts is how often a command is tried: a unit has something to say first when it is new to us (unit attention).
const attempts = 5

// read runs a SCSI command that returns so many bytes at the most.
func (s *Session) read(lun []byte, length int, cdb []byte) ([]byte, error) {
	var data []byte
	var err error
	for range attempts {
		var again bool
		if data, again, err = s.tryRead(lun, length, cdb); !again {
			break
		}
	}
	return data, err
}

func (s *Session) tryRead(lun []byte, length int, cdb []byte) (data []byte, again bool, err error) {
	out := s.command(opCommand, final|0x40|1) // it reads; a simple task
	copy(out.head[8:16], lun)
	binary.BigEndian.PutUint32(out.head[20:], uint32(length))
	copy(out.head[32:48], cdb)
	s.commandNumber++
	if err := s.send(out); err != nil {
		return nil, false, err
	}
	for {
		in, err := s.receive()
		if err != nil {
			return nil, false, err
		}
		switch in.head[0] & 0x3f {
		case opDataIn:
			if data = append(data, in.data...); len(data) > length {
				return nil, false, fmt.Errorf("%d bytes, which is more than was asked for", len(data))
			}
			if in.head[1]&1 == 0 {
				continue
			}
			return data, false, nil
		case opResponse:
			if in.head[2] == 0 && in.head[3] == 0 {
				return data, false, nil
			}
			key := byte(0)
			if len(in.data) > 4 {
				key = in.data[4] & 0xf
			}
			return nil, key == 6, fmt.Errorf("the command %#x fails with status %#x, sense key %#x", cdb[0], in.head[3], key)
		default:
			return nil, false, fmt.Errorf("the target sends a message of kind %#x", in.head[0]&0x3f)
		}
	}
}
