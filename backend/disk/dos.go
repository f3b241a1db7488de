package disk

// dosFlags maps types of partitions to parted's flags.
var dosFlags = map[byte]string{0x82: "swap", 0x8e: "lvm", 0xfd: "raid"}

// maxLogical is how many logical partitions are followed. The kernel has at most 256 partitions of a disk.
const maxLogical = 256

// dos returns the partitions of a DOS label, whose first block is given, or nil if the label has a fault. A
// label without partitions counts as faulty, because file systems have the same signature.
func (l *label) dos(first []byte) []partition {
	var found []partition
	var whole *dosEntry
	for i, e := range dosEntries(first) {
		if e.isEmpty() {
			continue
		}
		if !e.isSound() {
			return nil
		}
		x := l.dosPartition(i+1, 0, e, primary)
		if e.isExtended() {
			if whole != nil {
				return nil
			}
			whole, x.kind, x.flags = &e, extended, nil
		}
		found = append(found, x)
	}
	if whole == nil {
		return found
	}
	inside, ok := l.dosLogical(whole)
	if !ok {
		return nil
	}
	return append(found, inside...)
}

// dosLogical returns the partitions within an extended partition: a chain of blocks, each with one partition
// and the place of the next block. ok is false if the chain has a fault.
func (l *label) dosLogical(whole *dosEntry) (found []partition, ok bool) {
	next := dosEntry{}
	for number := 5; number < 5+maxLogical; number++ {
		at := whole.start + next.start
		block, ok := l.read(at*l.block, l.block)
		if !ok || block[510] != 0x55 || block[511] != 0xaa {
			return nil, false
		}
		entries := dosEntries(block)
		if number == 5 && entries[0].isEmpty() && entries[1].isEmpty() {
			return nil, true // without logical partitions
		}
		if !entries[0].isSound() || entries[0].isExtended() || !entries[2].isEmpty() || !entries[3].isEmpty() {
			return nil, false
		}
		found = append(found, l.dosPartition(number, at, entries[0], logical))
		if entries[1].isEmpty() {
			return found, true
		}
		if !entries[1].isExtended() || entries[1].start <= next.start {
			return nil, false
		}
		next = entries[1]
	}
	return nil, false
}

// isSound reports whether an entry is that of a partition. Code or a file system may be in its place.
func (e *dosEntry) isSound() bool {
	return (e.status == 0 || e.status == 0x80) && e.kind != 0 && e.kind != 0xee && e.start > 0 && e.count > 0
}

// dosPartition returns the partition of an entry whose start counts from block at.
func (l *label) dosPartition(number int, at uint64, e dosEntry, kind string) partition {
	x := partition{number: number, start: (at + e.start) * l.block, kind: kind}
	x.end = x.start + e.count*l.block
	if flag := dosFlags[e.kind]; flag != "" {
		x.flags = []string{flag}
	}
	return x
}
