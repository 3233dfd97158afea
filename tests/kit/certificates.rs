//! An authority of the tests' own, and a server certificate signed by it.

use std::path::Path;
use std::process::Command;

use super::process::run;

/// An authority and a certificate signed by it, as `ca.crt`, `server.crt` and `server.key` in `directory`. The certificate
/// names localhost, 127.0.0.1 and `::1`.
pub(crate) fn make_ca(directory: &Path) {
    make_ca_for(directory, &[]);
}

/// The same; the certificate also has these subject alternative names, such as `IP:127.0.0.9`.
pub(crate) fn make_ca_for(directory: &Path, names: &[&str]) {
    std::fs::create_dir(directory).expect("the certificate directory");
    let script = r#"
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -keyout ca.key -out ca.crt \
            -subj "/CN=test authority" -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout server.key -out server.csr -subj "/CN=localhost"
        printf '%s\n' "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1$NAMES" 'basicConstraints=CA:FALSE' \
            'keyUsage=critical,digitalSignature' 'extendedKeyUsage=serverAuth' > server.ext
        openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -out server.crt -extfile server.ext
    "#;
    let names: String = names.iter().map(|name| format!(",{name}")).collect();
    let mut command = Command::new("sh");
    run(command.args(["-ec", script]).env("NAMES", names).current_dir(directory));
}
