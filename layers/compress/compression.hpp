#pragma once

// How a layer is dressed is a fact that the index keeps, so the type lives in the store.
#include "store/compression.hpp"
