/* Body of conv_isa_impl.h for groups of GROUP channels: the shapes of FV_DEPTHWISE_SHAPES. */

#define TAPS 1
#define STEP 1
#include "conv_depthwise_row_impl.h"
#define TAPS 2
#define STEP 1
#include "conv_depthwise_row_impl.h"
#define TAPS 3
#define STEP 1
#include "conv_depthwise_row_impl.h"
#define TAPS 3
#define STEP 2
#include "conv_depthwise_row_impl.h"
#if GROUP == 1
#define TAPS 4
#define STEP 1
#include "conv_depthwise_row_impl.h"
#define TAPS 5
#define STEP 1
#include "conv_depthwise_row_impl.h"
#define TAPS 7
#define STEP 1
#include "conv_depthwise_row_impl.h"
#define TAPS 5
#define STEP 2
#include "conv_depthwise_row_impl.h"
#define TAPS 7
#define STEP 2
#include "conv_depthwise_row_impl.h"
#endif
