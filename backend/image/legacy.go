package image

// The formats that qcow2 replaced. All can have a backing file.

// describeCow reads the backing file's name: 1024 bytes, terminated by a NUL.
func describeCow(s *source, i *Info) {
	i.Backing = s.record(8, 1024).untilNUL()
}

// describeQcow reads the backing file's name, and whether the clusters are encrypted (with AES).
func describeQcow(s *source, i *Info) {
	i.Backing = s.name(s.be(8, 8), s.be(16, 4))
	if s.be(36, 4) == 1 {
		i.Encryption = "qcow"
	}
}

// Feature bits of qemu's docs/specs/qed_spec.txt.
const (
	qedBackingFile  = 1 << 0
	qedBackingIsRaw = 1 << 2 // QED_F_BACKING_FORMAT_NO_PROBE
)

// describeQED reads the backing file's name. Of its format, QED records only whether it is raw.
func describeQED(s *source, i *Info) {
	features := s.le(16, 8)
	if features&qedBackingFile == 0 {
		return
	}
	i.Backing = s.name(s.le(56, 4), s.le(60, 4))
	if i.Backing != "" && features&qedBackingIsRaw != 0 {
		i.BackingFormat = "raw"
	}
}

// vdiStatic is the last of VDI's types without a parent. Higher types contain changes to another image
// (VDICore.h).
const vdiStatic = 2

// describeVDI reads whether the image has a parent, from its type (at 76).
func describeVDI(s *source, i *Info) { i.ExternalData = s.le(76, 4) > vdiStatic }
