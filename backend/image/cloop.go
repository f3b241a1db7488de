package image

// cloopScript is the start of an image of version 2.0, a shell script that mounts itself.
const cloopScript = "#!/bin/sh\n#V2.0 Format\nmodprobe cloop file=$0 && mount -r -t iso9660 /dev/cloop $1\n"

// describeCloop multiplies the block size (at 128) by the number of blocks (at 132). It ignores sizes that
// qemu rejects.
func describeCloop(s *source, i *Info) {
	const maxBlock = 64 << 20
	size, count := s.be(128, 4), s.be(132, 4)
	if size > 0 && size <= maxBlock && size%sector == 0 {
		i.setCapacity(count, size)
	}
}
