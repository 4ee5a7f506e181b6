//! wharf: one folder, every socket.

