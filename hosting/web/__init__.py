"""An HTTP app as a process, and the problem documents it answers with."""
