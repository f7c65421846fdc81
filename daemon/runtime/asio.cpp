// Asio and Beast are compiled here, once for all that link kiln_asio.

#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
